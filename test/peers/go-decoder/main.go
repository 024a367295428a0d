// Decodes each line of its input as runtimes do that do not decode strictly, into the types of
// github.com/opencontainers/runtime-spec/specs-go (LinuxSeccomp), and prints it anew, or "error".
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

type arg struct {
	Index    uint   `json:"index"`
	Value    uint64 `json:"value"`
	ValueTwo uint64 `json:"valueTwo,omitempty"`
	Op       string `json:"op"`
}
type rule struct {
	Names    []string `json:"names"`
	Action   string   `json:"action"`
	ErrnoRet *uint    `json:"errnoRet,omitempty"`
	Args     []arg    `json:"args,omitempty"`
}
type profile struct {
	DefaultAction    string   `json:"defaultAction"`
	DefaultErrnoRet  *uint    `json:"defaultErrnoRet,omitempty"`
	Architectures    []string `json:"architectures,omitempty"`
	Flags            []string `json:"flags,omitempty"`
	ListenerPath     string   `json:"listenerPath,omitempty"`
	ListenerMetadata string   `json:"listenerMetadata,omitempty"`
	Syscalls         []rule   `json:"syscalls,omitempty"`
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	for in.Scan() {
		var p profile
		if err := json.Unmarshal(in.Bytes(), &p); err != nil {
			fmt.Println("error")
			continue
		}
		out, _ := json.Marshal(p)
		fmt.Println(string(out))
	}
}
