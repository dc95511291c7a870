// Program stories tells stories to one server through Go's clientv3 and the packages around it, as applications use them,
// and prints a verdict for each: `PASS name` or `FAIL name: why`. Arguments: an endpoint, and `older` for an etcd 3.4.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// A story that takes longer has hung.
const storyTimeout = 30 * time.Second

// story has the server to itself below its own prefix.
type story struct {
	name string
	tell func(t *teller)
	// An etcd 3.4 does not know what it is about.
	newer bool
}

// teller is what a story is told with.
type teller struct {
	ctx    context.Context
	client *clientv3.Client
	// The endpoint, for stories with several clients.
	endpoint string
	// Every key of the story begins so.
	prefix string
}

// failure is what a check throws; the story ends with it.
type failure struct{ why string }

func fail(format string, arguments ...any) {
	panic(failure{fmt.Sprintf(format, arguments...)})
}

func check(err error) {
	if err != nil {
		panic(failure{err.Error()})
	}
}

// must takes what a call answers and fails the story for an error.
func must[T any](value T, err error) T {
	check(err)
	return value
}

func same[T comparable](what string, got, wanted T) {
	if got != wanted {
		fail("%s: got %v, wanted %v", what, got, wanted)
	}
}

func connect(endpoint string) *clientv3.Client {
	return must(clientv3.New(clientv3.Config{
		Endpoints:   []string{endpoint},
		DialTimeout: 10 * time.Second,
		Logger:      zap.NewNop(),
	}))
}

// another is a client of its own, as another process would have.
func (t *teller) another() *clientv3.Client { return connect(t.endpoint) }

// soon waits for an answer of another goroutine.
func soon[T any](t *teller, what string, from <-chan T) T {
	select {
	case value := <-from:
		return value
	case <-t.ctx.Done():
		fail("%s did not come", what)
		panic("unreachable")
	}
}

func main() {
	if len(os.Args) < 2 {
		fmt.Println("FAIL usage: stories ENDPOINT [older]")
		os.Exit(2)
	}
	older := len(os.Args) > 2 && os.Args[2] == "older"
	failed := 0
	for _, s := range allStories() {
		if s.newer && older {
			continue
		}
		if why := tell(s, os.Args[1]); why != "" {
			failed++
			fmt.Printf("FAIL %s: %s\n", s.name, why)
		} else {
			fmt.Printf("PASS %s\n", s.name)
		}
	}
	if failed > 0 {
		os.Exit(1)
	}
}

func tell(s story, endpoint string) (why string) {
	ctx, cancel := context.WithTimeout(context.Background(), storyTimeout)
	defer cancel()
	defer func() {
		if thrown := recover(); thrown != nil {
			if f, ok := thrown.(failure); ok {
				why = f.why
				return
			}
			why = fmt.Sprint(thrown)
		}
	}()
	client := connect(endpoint)
	defer func() { _ = client.Close() }()
	s.tell(&teller{ctx: ctx, client: client, endpoint: endpoint, prefix: "/" + s.name + "/"})
	return ""
}

func allStories() []story {
	var all []story
	for _, some := range [][]story{kvStories, watchStories, leaseStories, concurrencyStories, helperStories, maintenanceStories} {
		all = append(all, some...)
	}
	return all
}
