package ui

// Spark is a day by the hour: bars, and below their line those of what went
// wrong.
type Spark struct {
	Width, Height int
	Line          float64 // height of the line that the bars stand on
	Bars          []SparkBar
	Bad           []SparkBar
	Label         string // in words, for who does not see it
	Most          Text   // what the highest bar stands for
	Stale         bool   // the facts are old
}

// SparkBar is one bar; Title says the hour in words.
type SparkBar struct {
	X, Y, H float64
	Title   string
	Open    bool // the hour is not over
	Gap     bool // nobody counted it, which is not nothing
}

// The measures of a spark, in its own units.
const (
	SparkStep = 10   // from one bar to the next
	SparkTop  = 36.0 // height of the bars
	SparkBad  = 12.0 // height of those below the line, after a gap of 4
)

// NewSpark makes one of so many hours; bad leaves room below the line.
func NewSpark(hours int, bad bool) *Spark {
	s := &Spark{Width: max(hours, 1) * SparkStep, Height: int(SparkTop) + 1, Line: SparkTop}
	if bad {
		s.Height = int(SparkTop+SparkBad) + 4
	}
	return s
}

// Bar adds the next hour.
func (s *Spark) Bar(n, most int64, title string, open bool) {
	high := sparkHeight(n, most, SparkTop)
	s.Bars = append(s.Bars, SparkBar{X: s.next(), Y: SparkTop - high, H: high, Title: title, Open: open})
}

// Gap adds an hour that nobody counted.
func (s *Spark) Gap(title string) {
	s.Bars = append(s.Bars, SparkBar{X: s.next(), Title: title, Gap: true})
}

// Below adds what went wrong in the hour that was added last.
func (s *Spark) Below(n, most int64, title string) {
	if n > 0 {
		s.Bad = append(s.Bad, SparkBar{X: s.next() - SparkStep, Y: SparkTop + 4, H: sparkHeight(n, most, SparkBad), Title: title})
	}
}

func (s *Spark) next() float64 { return float64(len(s.Bars)*SparkStep) + 1 }

// sparkHeight keeps the smallest bar visible.
func sparkHeight(n, most int64, height float64) float64 {
	if n == 0 || most == 0 {
		return 0
	}
	return max(float64(int64(float64(n)/float64(most)*height*10))/10, 1.5)
}
