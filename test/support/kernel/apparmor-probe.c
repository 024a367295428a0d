/*
 * Tries operations under an AppArmor profile: apparmor-probe PROFILE, operations as lines on standard input.
 * Writes a line for each: 0, the errno, or 1000 plus the signal that ended what was executed. The profile is entered without
 * exec, so that it needs no right for this program.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process under the same profile. */
static pid_t confined;

static int result(long returned) { return returned < 0 ? errno : 0; }

static int enter(const char *profile) {
  char command[256];
  int length = snprintf(command, sizeof command, "changeprofile %s", profile);
  int file = open("/proc/self/attr/apparmor/current", O_WRONLY);
  if (file < 0) return errno;
  int error = result(write(file, command, length));
  close(file);
  return error;
}

static int opens(const char *path, int flags) {
  int file = open(path, flags | O_NONBLOCK | O_NOCTTY), error = result(file);
  close(file);
  return error;
}

static int maps(const char *path) {
  int file = open(path, O_RDONLY);
  if (file < 0) return errno;
  int error = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0) == MAP_FAILED ? errno : 0;
  close(file);
  return error;
}

static int executes(const char *path, int no_new_privileges) {
  int report[2], error = 0, status;
  if (pipe2(report, O_CLOEXEC) < 0) return errno;
  pid_t child = fork();
  if (child == 0) {
    char *arguments[] = {"busybox", "true", NULL}, *environment[] = {NULL};
    if (no_new_privileges) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    execve(path, arguments, environment);
    error = errno;
    write(report[1], &error, sizeof error);
    _exit(0);
  }
  close(report[1]);
  read(report[0], &error, sizeof error);
  waitpid(child, &status, 0);
  return error ? error : WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int opens_socket(int family, int type) {
  int needs_protocol = family == AF_INET && type == SOCK_RAW;
  int file = socket(family, type, needs_protocol ? IPPROTO_UDP : 0), error = result(file);
  close(file);
  return error;
}

/* What an operation makes goes again, so that it can be tried under the next profile. */
static int links(const char *target, const char *path) {
  int error = result(link(target, path));
  unlink(path);
  return error;
}

static int makes_node(const char *path) {
  int error = result(mknod(path, S_IFBLK | 0600, makedev(7, 200)));
  unlink(path);
  return error;
}

static int changes_owner(const char *path) {
  int error = result(chown(path, 1, 1));
  return error ? error : result(chown(path, 0, 0));
}

static int locks(const char *path) {
  int file = open(path, O_RDONLY);
  if (file < 0) return errno;
  int error = result(flock(file, LOCK_EX | LOCK_NB));
  close(file);
  return error;
}

static int binds_low_port(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(81)};
  int file = socket(AF_INET, SOCK_STREAM, 0);
  if (file < 0) return errno;
  int error = result(bind(file, (struct sockaddr *)&address, sizeof address));
  close(file);
  return error;
}

static pid_t process(const char *name) { return strcmp(name, "confined") == 0 ? confined : atoi(name); }

static int environment_of(const char *name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/environ", process(name));
  return opens(path, O_RDONLY);
}

static int attempt(const char *operation, const char *first, const char *second) {
  if (!strcmp(operation, "read")) return opens(first, O_RDONLY);
  if (!strcmp(operation, "write")) return opens(first, O_WRONLY);
  if (!strcmp(operation, "map")) return maps(first);
  if (!strcmp(operation, "execute")) return executes(first, 0);
  if (!strcmp(operation, "execute-nnp")) return executes(first, 1);
  if (!strcmp(operation, "link")) return links(first, second);
  if (!strcmp(operation, "lock")) return locks(first);
  if (!strcmp(operation, "socket")) return opens_socket(atoi(first), atoi(second));
  if (!strcmp(operation, "bind")) return binds_low_port();
  if (!strcmp(operation, "chown")) return changes_owner(first);
  if (!strcmp(operation, "chroot")) return result(chroot("/"));
  if (!strcmp(operation, "hostname")) return result(sethostname("probe", 5));
  if (!strcmp(operation, "mknod")) return makes_node(first);
  if (!strcmp(operation, "nice")) return result(setpriority(PRIO_PROCESS, 0, -5));
  if (!strcmp(operation, "mount")) return result(mount("none", first, "tmpfs", 0, NULL));
  if (!strcmp(operation, "bind-mount")) return result(mount(first, second, NULL, MS_BIND, NULL));
  if (!strcmp(operation, "remount")) return result(mount("none", first, NULL, MS_REMOUNT | MS_RDONLY | MS_BIND, NULL));
  if (!strcmp(operation, "private")) return result(mount("none", first, NULL, MS_PRIVATE, NULL));
  if (!strcmp(operation, "umount")) return result(umount2(first, MNT_DETACH));
  if (!strcmp(operation, "pivot")) return result(syscall(SYS_pivot_root, first, second));
  if (!strcmp(operation, "trace")) return result(ptrace(PTRACE_SEIZE, process(first), NULL, NULL));
  if (!strcmp(operation, "environment")) return environment_of(first);
  if (!strcmp(operation, "signal")) return result(kill(process(first), SIGCONT));
  return ENOSYS;
}

int main(int count, char **arguments) {
  char line[512], operation[32], first[256], second[256];
  if (count != 2) return 2;
  int error = enter(arguments[1]);
  if (error) {
    fprintf(stderr, "profile %s: %s\n", arguments[1], strerror(error));
    return 1;
  }
  confined = fork();
  if (confined == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) pause();
  }
  while (fgets(line, sizeof line, stdin)) {
    first[0] = second[0] = 0;
    sscanf(line, "%31s %255s %255s", operation, first, second);
    printf("%d\n", attempt(operation, first, second));
    fflush(stdout);
  }
  kill(confined, SIGKILL);
  return 0;
}
