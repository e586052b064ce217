package wire

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Presets are named faults, so that a test can walk through the same list for
// every provider.
func Presets() map[string]Rule {
	return map[string]Rule{
		"bad_gateway":   {Kind: Status, Status: 502},
		"bom":           {Kind: Malformed, Shape: "bom"},
		"close":         {Kind: Close},
		"deep":          {Kind: Malformed, Shape: "deep"},
		"drip":          {Kind: Drip, Delay: Duration(time.Second)},
		"echo_token":    {Kind: EchoToken, Status: 401},
		"empty":         {Kind: EmptyBody},
		"error_500":     {Kind: Status, Status: 500},
		"error_503":     {Kind: Status, Status: 503},
		"forbidden":     {Kind: Status, Status: 403},
		"gzip_bomb":     {Kind: GzipBomb, MB: 1024},
		"hang":          {Kind: Hang},
		"hang_body":     {Kind: HangBody},
		"html":          {Kind: Malformed, Shape: "html"},
		"huge":          {Kind: Huge, MB: 1024},
		"looping_page":  {Kind: LoopingPage},
		"lost_answer":   {Kind: AppliedButFailed, Then: "reset"},
		"malformed":     {Kind: Malformed, Shape: "truncated"},
		"not_found":     {Kind: Status, Status: 404},
		"null":          {Kind: Malformed, Shape: "null_root"},
		"partial_page":  {Kind: PartialPage},
		"rate_limited":  {Kind: RateLimited, RetryAfter: "vendor"},
		"reset":         {Kind: Reset},
		"skew_ahead":    {Kind: Skew, By: Duration(time.Hour)},
		"skew_behind":   {Kind: Skew, By: Duration(-time.Hour)},
		"slow":          {Kind: Latency, Delay: Duration(3 * time.Second)},
		"timeout_after": {Kind: AppliedButFailed, Then: "timeout", Delay: Duration(60 * time.Second)},
		"unauthorized":  {Kind: Status, Status: 401},
		"wrong_types":   {Kind: Malformed, Shape: "wrong_types"},
	}
}

// complete fills in what a preset and the defaults say and refuses a rule
// that makes no sense.
func (r *Rule) complete() error {
	if r.Preset != "" {
		if err := r.fromPreset(); err != nil {
			return err
		}
	}
	if !slices.Contains(FaultKinds(), r.Kind) {
		return fmt.Errorf("kind %q is not one of %v", r.Kind, FaultKinds())
	}
	if r.After < 0 || r.Times < 0 || r.Probability < 0 || r.Probability > 1 || r.For < 0 || r.Delay < 0 || r.DelayMax < 0 || r.MB < 0 {
		return fmt.Errorf("after, times, for, delay, delay_max and mb cannot be negative, and probability is between 0 and 1")
	}
	if r.Status != 0 && (r.Status < 200 || r.Status > 599) {
		return fmt.Errorf("status %d is not between 200 and 599", r.Status)
	}
	r.Method = strings.ToUpper(r.Method)
	return r.completeKind()
}

func (r *Rule) fromPreset() error {
	preset, ok := Presets()[r.Preset]
	if !ok {
		return fmt.Errorf("preset %q is not one of %v", r.Preset, slices.Sorted(maps.Keys(Presets())))
	}
	if r.Kind != "" && r.Kind != preset.Kind {
		return fmt.Errorf("preset %q is of kind %q, not %q", r.Preset, preset.Kind, r.Kind)
	}
	r.Kind = preset.Kind
	fill(&r.Delay, preset.Delay)
	fill(&r.Status, preset.Status)
	fill(&r.RetryAfter, preset.RetryAfter)
	fill(&r.Shape, preset.Shape)
	fill(&r.MB, preset.MB)
	fill(&r.Then, preset.Then)
	fill(&r.By, preset.By)
	return nil
}

// fill sets what was left out.
func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (r *Rule) completeKind() error {
	switch r.Kind {
	case Latency:
		if r.Delay == 0 && r.DelayMax == 0 {
			return fmt.Errorf("latency wants a delay")
		}
	case Status:
		if r.Status == 0 {
			return fmt.Errorf("status wants a status")
		}
	case RateLimited:
		fill(&r.RetryAfter, "vendor")
		fill(&r.Seconds, 30)
		if !slices.Contains(RetryShapes(), r.RetryAfter) {
			return fmt.Errorf("retry_after %q is not one of %v", r.RetryAfter, RetryShapes())
		}
	case Drip:
		fill(&r.Delay, Duration(time.Second))
	case Malformed:
		fill(&r.Shape, "truncated")
		if !slices.Contains(MalformedShapes(), r.Shape) {
			return fmt.Errorf("shape %q is not one of %v", r.Shape, MalformedShapes())
		}
	case Huge, GzipBomb:
		fill(&r.MB, 1024)
	case Redirect:
		fill(&r.Status, 302)
		if r.Location == "" || r.Status < 300 || r.Status > 399 {
			return fmt.Errorf("redirect wants a location and a 3xx status")
		}
	case EchoToken:
		fill(&r.Status, 401)
	case AppliedButFailed:
		fill(&r.Then, "status")
		fill(&r.Status, 500)
		fill(&r.Delay, Duration(60*time.Second))
		if !slices.Contains([]string{"status", "timeout", "reset"}, r.Then) {
			return fmt.Errorf("then %q is not one of status, timeout, reset", r.Then)
		}
	case Skew:
		if r.By == 0 {
			return fmt.Errorf("skew wants by, such as \"1h\" or \"-90s\"")
		}
	}
	return nil
}
