package main

import (
	"encoding/json"
	"time"
)

// timed are the nanoseconds of each run: of reading the chart, of everything before and after the templates, and of
// these.
type timed struct {
	Load   []int64 `json:"load"`
	Values []int64 `json:"values"`
	Render []int64 `json:"render"`
	Sort   []int64 `json:"sort"`
	Bytes  int     `json:"bytes"`
}

// measure renders a chart as often as asked. It is loaded each time, because rendering changes it.
func measure(question []byte) (any, error) {
	var in struct {
		inputs
		Runs int `json:"runs"`
	}
	if err := json.Unmarshal(question, &in); err != nil {
		return nil, failed("question", err)
	}
	out := timed{Load: []int64{}, Values: []int64{}, Render: []int64{}, Sort: []int64{}}
	for range in.Runs {
		moments := []time.Time{time.Now()}
		lap := func() { moments = append(moments, time.Now()) }
		loaded, err := in.Chart.load()
		if err != nil {
			return nil, failed("load", err)
		}
		lap()
		values, err := in.values()
		if err != nil {
			return nil, failed("values", err)
		}
		prepared, err := in.prepare(loaded, values)
		if err != nil {
			return nil, err
		}
		lap()
		files, err := execute(loaded, prepared)
		if err != nil {
			return nil, err
		}
		lap()
		result, err := in.sorted(loaded, files)
		if err != nil {
			return nil, err
		}
		lap()
		spent := func(i int) int64 { return moments[i+1].Sub(moments[i]).Nanoseconds() }
		out.Load, out.Values = append(out.Load, spent(0)), append(out.Values, spent(1))
		out.Render, out.Sort = append(out.Render, spent(2)), append(out.Sort, spent(3))
		out.Bytes = len(result.Manifest)
	}
	return out, nil
}
