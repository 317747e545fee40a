// One HTTPS request by the TLS and the resolver that are in Go itself.
package main

import (
	"io"
	"log"
	"net/http"
	"strings"
)

func main() {
	answer, err := http.Post("https://api.openai.com/v1/hidden-path", "application/json", strings.NewReader("{}"))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := io.ReadAll(answer.Body); err != nil {
		log.Fatal(err)
	}
}
