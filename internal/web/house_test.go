package web_test

import (
	"net/http/httptest"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/envdeck/envdeck/internal/access"
)

// openHouse opens a page of the house in a real browser, signed in.
func openHouse(t *testing.T, h *house, user, path string) (tab, string) {
	t.Helper()
	server := httptest.NewServer(h.door)
	t.Cleanup(server.Close)
	tb := open(t, server.URL+"/sign-in")
	cookie := h.visitor(t, user).cookies[access.SessionCookieLoopback]
	if _, err := chromedp.Call(tb.ctx, network.SetCookie, network.SetCookieParams{Name: access.SessionCookieLoopback, Value: cookie, URL: server.URL}); err != nil {
		t.Fatal(err)
	}
	tb.do(chromedp.Navigate(server.URL + path))
	return tb, server.URL
}
