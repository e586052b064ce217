package neon

import (
	"context"
	"net/http"
	"time"

	"github.com/envdeck/envdeck/internal/fault"
	"github.com/envdeck/envdeck/internal/provider"
	"github.com/envdeck/envdeck/internal/provider/outbound"
)

const routeProject = "/projects/{project}"

// Client is one Neon project.
type Client struct {
	out   *outbound.Client
	block Block
}

var _ provider.Checker = (*Client)(nil)

func open(b *Block, deps provider.Deps) (*Client, error) {
	if err := b.Validate(); err != nil {
		return nil, err
	}
	out, err := outbound.New(outbound.Config{
		Provider: name, Title: "Neon", BaseURL: b.base(), Token: b.Token, Explain: explain,
		RequestID: "X-Neon-Ret-Request-Id",
		Codes:     []string{"BRANCH_ALREADY_EXISTS", "BRANCHES_LIMIT_EXCEEDED"}, Code: code,
		// 700 calls a minute for the whole account, 40 a second for each route.
		Rate: 10, Per: time.Second,
	}, deps)
	if err != nil {
		return nil, err
	}
	return &Client{out: out, block: *b}, nil
}

// Check reads the project.
func (c *Client) Check(ctx context.Context) error {
	w, _, err := outbound.JSON[struct {
		Project *struct {
			ID string `json:"id"`
		} `json:"project"`
	}](ctx, c.out, outbound.Request{Route: routeProject, Args: []string{c.block.Project}})
	switch {
	case err != nil:
		return err
	case w.Project == nil || w.Project.ID != c.block.Project:
		return c.out.Unusable(routeProject, outbound.Misfit("the project's id is missing"))
	}
	return nil
}

// code is the error's code, which Neon mostly leaves empty.
func code(body []byte) string {
	w, err := outbound.Decode[struct {
		Code string `json:"code"`
	}](body)
	if err != nil {
		return ""
	}
	return w.Code
}

func explain(r outbound.Refusal) outbound.Meaning {
	switch r.Status {
	case http.StatusUnauthorized:
		return outbound.Meaning{Kind: fault.Rejected, Text: "the key (neon.token, or NEON_API_KEY) is unknown or was revoked. Make a new one in the account's or the project's settings"}
	case http.StatusForbidden:
		return outbound.Meaning{Text: "the key may not do this in this project; a key of the project itself is enough"}
	case http.StatusNotFound:
		if r.Route != routeProject && r.Route != routeBranches {
			return outbound.Meaning{Text: "it is gone, or the key may not see it"}
		}
		if r.Write {
			return outbound.Meaning{Text: "the project or the parent branch is gone, or the key may not see it"}
		}
		return outbound.Meaning{Text: "there is no such project for this key. Check neon.project (NEON_PROJECT_ID)"}
	case http.StatusConflict:
		if r.Route == routeBranches {
			return outbound.Meaning{Text: "a branch of this name is there already"}
		}
	case http.StatusLocked:
		return outbound.Meaning{Text: "it is busy with another change in this project"}
	case http.StatusUnprocessableEntity:
		if r.Code == "BRANCHES_LIMIT_EXCEEDED" {
			return outbound.Meaning{Kind: fault.Unsupported, Text: "the plan allows no more branches. Delete one that nobody needs"}
		}
		if r.Route == routeBranch && r.Write {
			return outbound.Meaning{Text: "it gives up no branch that is the root, the default or protected, or that has children"}
		}
	case http.StatusBadRequest:
		if r.Route == routeRestore {
			return outbound.Meaning{Text: "it cannot restore so: only root branches have a history, and it does not reach back for ever"}
		}
	}
	return outbound.Meaning{}
}
