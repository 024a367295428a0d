/*
 * `measure PROGRAM ARGUMENT…`: runs a program, and writes to descriptor 3 how long it ran, in
 * microseconds, how much processor time it used, in microseconds, and its peak resident memory, in
 * kilobytes. Exits with the exit code of the program.
 *
 * The kernel counts into the peak of a program the memory of the process that started it: here
 * hardly any, in Node.js more than in most programs that are measured.
 */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <fcntl.h>

extern char **environ;

static long microseconds(struct timeval time)
{
  return time.tv_sec * 1000000L + time.tv_usec;
}

static long now(void)
{
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000L + time.tv_nsec / 1000;
}

int main(int count, char **arguments)
{
  if (count < 2) {
    fprintf(stderr, "measure: no program\n");
    return 125;
  }
  fcntl(3, F_SETFD, FD_CLOEXEC);
  pid_t child;
  const long begun = now();
  const int error = posix_spawnp(&child, arguments[1], NULL, NULL, arguments + 1, environ);
  if (error != 0) {
    fprintf(stderr, "measure: %s: %s\n", arguments[1], strerror(error));
    return 125;
  }
  int status;
  struct rusage usage;
  if (wait4(child, &status, 0, &usage) != child) {
    perror("measure: wait4");
    return 125;
  }
  const long elapsed = now() - begun;
  dprintf(3, "%ld %ld %ld\n", elapsed, microseconds(usage.ru_utime) + microseconds(usage.ru_stime), usage.ru_maxrss);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
