// Go's net/http: one goroutine for every answer.
//
//	PORT=8080 go run ./peers/go
package main

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"
)

const (
	opening = "weir/1 "
	word    = "current "
)

var (
	first  = milliseconds("FIRST_MS", 1100)
	gap    = milliseconds("GAP_MS", 140)
	chunks = number("CHUNKS", 40)
)

type delta struct {
	Role    string  `json:"role,omitempty"`
	Content *string `json:"content,omitempty"`
}

type choice struct {
	Index        int     `json:"index"`
	Delta        delta   `json:"delta"`
	FinishReason *string `json:"finish_reason"`
}

type chunk struct {
	ID      string   `json:"id"`
	Object  string   `json:"object"`
	Created int64    `json:"created"`
	Model   string   `json:"model"`
	Choices []choice `json:"choices"`
}

type chatRequest struct {
	Messages            []json.RawMessage `json:"messages"`
	MaxTokens           *int              `json:"max_tokens"`
	MaxCompletionTokens *int              `json:"max_completion_tokens"`
}

// words is the text in count pieces; its last word is the CRC-32 of everything before it.
func words(count int) []string {
	pieces := []string{opening}
	checksum := crc32.ChecksumIEEE([]byte(opening))
	for len(pieces) < count-1 {
		checksum = crc32.Update(checksum, crc32.IEEETable, []byte(word))
		pieces = append(pieces, word)
	}
	closing := fmt.Sprintf("%08x", checksum)
	if count < 2 {
		return []string{opening + closing}
	}
	return append(pieces, closing)
}

// event is one chunk of a chat completion as a server-sent event.
func event(part delta, finishReason *string) []byte {
	body, err := json.Marshal(chunk{
		ID:      "chatcmpl-peer",
		Object:  "chat.completion.chunk",
		Created: 1,
		Model:   "peer",
		Choices: []choice{{Delta: part, FinishReason: finishReason}},
	})
	if err != nil {
		panic(err) // plain strings and numbers can always be written
	}
	return append(append([]byte("data: "), body...), "\n\n"...)
}

func chat(response http.ResponseWriter, request *http.Request) {
	var body chatRequest
	if err := json.NewDecoder(request.Body).Decode(&body); err != nil || len(body.Messages) == 0 {
		response.Header().Set("content-type", "application/json")
		response.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(response, `{"error":{"message":"messages is missing","type":"invalid_request_error"}}`)
		return
	}
	count := chunks
	for _, limit := range []*int{body.MaxTokens, body.MaxCompletionTokens} {
		if limit != nil && *limit < count {
			count = *limit
		}
	}
	ideal := first + time.Duration(count-1)*gap
	response.Header().Set("content-type", "text/event-stream")
	response.Header().Set("cache-control", "no-cache")
	response.Header().Set("x-weir-ideal-us", strconv.FormatInt(ideal.Microseconds(), 10))
	flusher := response.(http.Flusher)
	send := func(bytes []byte) {
		response.Write(bytes)
		flusher.Flush()
	}
	empty, stop := "", "stop"
	start := time.Now()
	send(event(delta{Role: "assistant", Content: &empty}, nil))
	for index, piece := range words(count) {
		due := start.Add(first + time.Duration(index)*gap)
		select {
		case <-time.After(time.Until(due)):
		case <-request.Context().Done():
			return
		}
		send(event(delta{Content: &piece}, nil))
	}
	send(append(event(delta{}, &stop), "data: [DONE]\n\n"...))
}

func number(name string, otherwise int) int {
	if value, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return value
	}
	return otherwise
}

func milliseconds(name string, otherwise int) time.Duration {
	return time.Duration(number(name, otherwise)) * time.Millisecond
}

func main() {
	http.HandleFunc("POST /v1/chat/completions", chat)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil))
}
