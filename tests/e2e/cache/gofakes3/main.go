// Plays S3 on loopback with one bucket, `cache`, in memory, and one user, whose signatures are checked as MinIO checks them.
// Prints `LOCATION KEY SECRET`, and serves until it is ended.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"
)

func main() {
	const key, secret = "GABION", "a/secret+of=letters"
	backend := s3mem.New()
	if err := backend.CreateBucket(context.Background(), "cache"); err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := gofakes3.New(backend, gofakes3.WithV4Auth(map[string]string{key: secret})).Server()
	fmt.Printf("http://%s %s %s\n", listener.Addr(), key, secret)
	log.Fatal(http.Serve(listener, server))
}
