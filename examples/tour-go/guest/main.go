// Command tour shows what WASI gives a program: arguments, environment, files, console, clock and random.
package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	dataDir    = "/data"
	scratchDir = "/tmp"
)

func main() {
	code, err := exitCode(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	showArguments()
	showEnvironment()
	showFiles()
	showScratch()
	showConsole()
	showClock()
	showRandom()

	heading("exit")
	fmt.Printf("leaving with code %d\n", code)
	os.Exit(code)
}

// exitCode reads `--exit N`; without it the code is 0.
func exitCode(arguments []string) (int, error) {
	if len(arguments) == 0 {
		return 0, nil
	}
	if len(arguments) != 2 || arguments[0] != "--exit" {
		return 0, fmt.Errorf("usage: tour [--exit N]")
	}
	return strconv.Atoi(arguments[1])
}

func heading(name string) {
	fmt.Printf("\n== %s ==\n", name)
}

func showArguments() {
	heading("arguments")
	for index, argument := range os.Args {
		fmt.Printf("%d: %s\n", index, argument)
	}
}

func showEnvironment() {
	heading("environment")
	variables := os.Environ()
	slices.Sort(variables)
	for _, variable := range variables {
		fmt.Println(variable)
	}
}

// showFiles prints the first line of each file that the manifest mounts at /data.
func showFiles() {
	heading("files")
	entries, err := os.ReadDir(dataDir)
	if err != nil {
		fmt.Printf("%s cannot be listed: %v\n", dataDir, err)
		return
	}
	for _, entry := range entries {
		path := filepath.Join(dataDir, entry.Name())
		text, err := os.ReadFile(path)
		if err != nil {
			fmt.Printf("%s: %v\n", path, err)
			continue
		}
		line, _, _ := strings.Cut(string(text), "\n")
		fmt.Printf("%s (%d bytes): %s\n", path, len(text), line)
	}
}

// showScratch writes a file to /tmp and reads it back, where the manifest mounts it writable.
func showScratch() {
	heading("scratch")
	path := filepath.Join(scratchDir, "tour.txt")
	if err := os.WriteFile(path, []byte("written by tour"), 0o644); err != nil {
		fmt.Printf("%s is not writable: %v\n", scratchDir, err)
		return
	}
	text, err := os.ReadFile(path)
	if err != nil {
		fmt.Printf("%s cannot be read back: %v\n", path, err)
		return
	}
	fmt.Printf("%s: %s\n", path, text)
}

func showConsole() {
	heading("console")
	fmt.Println("this line goes to stdout")
	fmt.Fprintln(os.Stderr, "this line goes to stderr")
}

func showClock() {
	heading("clock")
	start := time.Now()
	time.Sleep(10 * time.Millisecond)
	fmt.Printf("wall clock: %s\n", start.UTC().Format(time.RFC3339))
	fmt.Printf("slept at least 10 ms: %t\n", time.Since(start) >= 10*time.Millisecond)
}

func showRandom() {
	heading("random")
	// The generator is seeded by the host when the program starts.
	fmt.Printf("a random number: %016x\n", rand.Uint64())
}
