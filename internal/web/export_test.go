package web

import "html/template"

// Templates is every page's template, for the test that checks their types.
func (s *Web) Templates() *template.Template { return s.templates() }

// Views is what each page is drawn with.
func Views() map[string]any {
	return map[string]any{
		"account": accountView{}, "tokens": tokensView{}, "people": peopleView{}, "person": personView{}, "ask": askView{}, "confirm": confirmView{},
		"promote": promoteView{}, "rollback": rollbackView{}, "entry": entryView{}, "verify": verifyView{}, "sign-in": signInView{}, "link": signInView{}, "set-up": signInView{}, "problem": problemView{},
	}
}
