// A preview 1 command in plain C with wasi-libc: prints its arguments and $NAME, leaves with the code that its first argument names.
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    const char *name = getenv("NAME");
    printf("Hello from C, %s\n", name ? name : "nobody");
    for (int i = 0; i < argc; i++) printf("arg %d: %s\n", i, argv[i]);
    return argc > 1 ? atoi(argv[1]) : 0;
}
