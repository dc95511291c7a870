// Program differ sends the same generated sequence of raw gRPC requests to two servers and compares their answers: every
// field but the ids and the term of the header, and the code and the words of every refusal.
//
// Why raw: a client library never sends an empty key, a negative revision or the same key twice, and retries what fails.
// Everything follows from the seed, so what is found is found again.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// A step that takes longer has hung.
const stepTimeout = 20 * time.Second

// Enough for the largest answer that the generator can ask for.
const messageBytesMax = 64 << 20

func main() {
	first := flag.String("first", "", "address of the server that is right")
	second := flag.String("second", "", "address of the server that is judged")
	seed := flag.Uint64("seed", 1, "where the sequence comes from")
	steps := flag.Int("steps", 400, "how many requests")
	older := flag.Bool("older", false, "the second server is an etcd 3.4: tolerate what changed since")
	spoil := flag.Int("spoil", -1, "falsify the second server's answer to this request, to show that it is noticed")
	flag.Parse()
	if err := run(*first, *second, *seed, *steps, *older, *spoil); err != nil {
		fmt.Printf("FAIL seed %d: %v\n", *seed, err)
		os.Exit(1)
	}
}

func run(first, second string, seed uint64, steps int, older bool, spoil int) error {
	a, err := dial(first)
	if err != nil {
		return err
	}
	b, err := dial(second)
	if err != nil {
		return err
	}
	generator := newGenerator(seed, older)
	refused := 0
	for step := range steps {
		request := generator.next()
		fromA, fromB := a.ask(request), b.ask(request)
		if step == spoil {
			fromB.text += " spoilt"
		}
		generator.learn(fromA)
		if fromA.refused {
			refused++
		}
		if fromA.text != fromB.text && !(older && tolerated(fromA, fromB)) {
			return fmt.Errorf("request %d: %s\n  first:  %s\n  second: %s", step, short(describe(request)), short(fromA.text), short(fromB.text))
		}
	}
	if refused == 0 || refused == steps {
		return fmt.Errorf("%d of %d requests were refused: the sequence shows nothing", refused, steps)
	}
	if err := compareHistories(a, b, generator); err != nil {
		return err
	}
	fmt.Printf("PASS seed %d: %d requests, %d of them refused, revision %d\n", seed, steps, refused, generator.revision)
	return nil
}

func dial(address string) (*server, error) {
	connection, err := grpc.NewClient("passthrough:///"+address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(messageBytesMax), grpc.MaxCallSendMsgSize(messageBytesMax)),
		grpc.WithDisableRetry(),
	)
	if err != nil {
		return nil, err
	}
	return newServer(connection), nil
}

func within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), stepTimeout)
}

// short cuts what nobody reads to its end.
func short(text string) string {
	const shownMax = 1500
	if len(text) <= shownMax {
		return text
	}
	return fmt.Sprintf("%s… (%d bytes)", text[:shownMax], len(text))
}
