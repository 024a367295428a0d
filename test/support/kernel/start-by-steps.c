/*
 * Creates a container, starts it, and waits for its first process, as containerd does.
 *
 *   start-by-steps PID_FILE ID RUNTIME [OPTION]…  ->  `signal N`, `exit N`, `create failed` or `start failed`
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ARGUMENTS = 32 };

/*
 * A pipe for the container's streams, since a runtime gives pipes to the container's user, and leaves /dev/null as it is.
 * It is not read: a runtime that cannot close its own pipe writes warnings for ever, and waits here in place of that.
 */
static int streams[2];

static void fail(const char *what) {
  perror(what);
  exit(2);
}

/* Runs the runtime with a command of it, and returns whether that succeeded. */
static int run(char **runtime, int length, char **command) {
  char *arguments[ARGUMENTS] = {0};
  memcpy(arguments, runtime, length * sizeof *runtime);
  for (int at = 0; command[at] != NULL; at += 1) arguments[length + at] = command[at];
  pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    for (int stream = 0; stream <= 2; stream += 1) dup2(streams[stream > 0], stream);
    execv(arguments[0], arguments);
    _exit(127);
  }
  int status;
  if (waitpid(child, &status, 0) != child) fail("waitpid");
  return status == 0;
}

int main(int count, char **arguments) {
  if (count < 4 || count > ARGUMENTS - 8) return 2;
  char *file = arguments[1], *id = arguments[2], **runtime = arguments + 3;
  int length = count - 3;
  /* The first process is the runtime's child, which ends before it. */
  if (pipe2(streams, O_CLOEXEC) != 0) fail("pipe2");
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) fail("prctl");
  if (!run(runtime, length, (char *[]){"create", "--bundle", ".", "--pid-file", file, id, NULL})) {
    puts("create failed");
    return 0;
  }
  FILE *stream = fopen(file, "r");
  int pid;
  if (stream == NULL || fscanf(stream, "%d", &pid) != 1) fail(file);
  fclose(stream);
  int started = run(runtime, length, (char *[]){"start", id, NULL});
  if (!started) kill(pid, SIGKILL);
  int status;
  if (waitpid(pid, &status, 0) != pid) fail("waitpid");
  run(runtime, length, (char *[]){"delete", "--force", id, NULL});
  if (!started) puts("start failed");
  else if (WIFSIGNALED(status)) printf("signal %d\n", WTERMSIG(status));
  else printf("exit %d\n", WEXITSTATUS(status));
  return 0;
}
