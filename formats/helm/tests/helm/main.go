// The real Helm, asked over standard input: a line of JSON is a question, a line of JSON its answer, in order.
//
//	{"op": "render", ...} -> {"ok": {...}} or {"error": {"class": "schema", "message": "..."}}
//
// Operations: render (render.go), time (time.go), eval (eval.go), functions, capabilities, coalesce, yaml, semver.
// Helm is linked as a library. Nothing here writes a file, asks a cluster or uses a network.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"time"
)

// failure is an answer that is no result. Its class says at which step of Helm the question failed.
type failure struct {
	Class   string `json:"class"`
	Message text   `json:"message"`
}

func (f failure) Error() string { return f.Class + ": " + string(f.Message) }

// failed names the step at which an error came up.
func failed(class string, err error) error {
	if err == nil {
		return nil
	}
	return failure{class, text(err.Error())}
}

type operation func(question []byte) (any, error)

var operations = map[string]operation{
	"capabilities": capabilities,
	"coalesce":     coalesce,
	"eval":         evaluate,
	"functions":    functions,
	"render":       render,
	"semver":       versions,
	"time":         measure,
	"yaml":         codec,
}

func main() {
	calm()
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 1 {
			if err := reply(out, answer(line)); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// calm takes away what would differ from machine to machine: variables, the time zone, messages. A schema that names
// a remote one is refused like on a machine without a network.
func calm() {
	os.Clearenv()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY"} {
		os.Setenv(name, "http://127.0.0.1:1")
	}
	time.Local = time.UTC
	log.SetFlags(0)
	log.SetOutput(&warnings)
	slog.SetDefault(slog.New(slog.NewTextHandler(&warnings, &slog.HandlerOptions{
		Level: slog.LevelWarn,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})))
}

func answer(line []byte) any {
	var head struct {
		Op string `json:"op"`
	}
	result, err := func() (any, error) {
		if err := json.Unmarshal(line, &head); err != nil {
			return nil, failed("question", err)
		}
		run, known := operations[head.Op]
		if !known {
			return nil, failed("question", fmt.Errorf("no operation %q", head.Op))
		}
		warnings.Reset()
		return run(line)
	}()
	if err != nil {
		var known failure
		if !errors.As(err, &known) {
			known = failure{"question", text(err.Error())}
		}
		return map[string]any{"error": known}
	}
	return map[string]any{"ok": result}
}

func reply(out *bufio.Writer, answer any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(answer); err != nil {
		return err
	}
	return out.Flush()
}
