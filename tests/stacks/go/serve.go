// Serves apps of net/http, one port each: reads a list of apps on standard input and prints the ports by host as JSON
// once all listen. The build sets `snippets`, what each host's snippet puts around its handler.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

type app struct {
	Host    string
	Lines   [][2]string
	Options bool
	Auth    bool
}

func (app app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, line := range app.Lines {
		w.Header().Add(line[0], line[1])
	}
	switch {
	case app.Options && r.Method == http.MethodOptions:
		w.WriteHeader(http.StatusNoContent)
	case app.Auth && r.Header.Get("Authorization") != "Basic dTpw":
		http.Error(w, "who?", http.StatusUnauthorized)
	case r.URL.Path == "/fail":
		http.Error(w, "on purpose", http.StatusInternalServerError)
	case r.URL.Path != "/item":
		http.NotFound(w, r)
	case r.Method == http.MethodOptions:
		http.Error(w, "not that", http.StatusMethodNotAllowed)
	default:
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, "{}")
	}
}

func main() {
	var apps []app
	if err := json.NewDecoder(os.Stdin).Decode(&apps); err != nil {
		panic(err)
	}
	ports := map[string]int{}
	for _, app := range apps {
		listening, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		var handler http.Handler = app
		if around := snippets[app.Host]; around != nil {
			handler = around(handler)
		}
		ports[app.Host] = listening.Addr().(*net.TCPAddr).Port
		go http.Serve(listening, handler)
	}
	told, _ := json.Marshal(ports)
	fmt.Println(string(told))
	select {}
}
