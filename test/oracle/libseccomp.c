/*
 * Loads seccomp profiles through libseccomp as a container runtime does, and writes the filters that come out.
 *
 * Reads requests from standard input, one or more lines each, and answers each with one line, in order:
 *
 *   version                          ->  MAJOR.MINOR.MICRO
 *   table ARCHITECTURE               ->  NAME=NUMBER for each system call that has a number there; none where this
 *                                        version does not know the architecture
 *   load runc|crun ACTION ERRNO      ->  `bpf HEX` (struct sock_filter, in the byte order of the machine for which it is),
 *     native NAME                        `error ERRNO STEP DETAIL`, `timeout`, or `crash SIGNAL`
 *     arch NAME
 *     rule NAME ACTION ERRNO COUNT [INDEX OPERATOR VALUE VALUE_TWO]…
 *     end
 *
 * Architectures, actions and operators are spelled as in the runtime-spec, ERRNO is a number or `-` where there is
 * none, a rule has one name. `native` is optional, and stands for the machine's own architecture. Every profile is loaded in a process of its own, with limited processor time, since
 * libseccomp does not end for some.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CPU_SECONDS = 2, MEMORY = 1 << 30, ARGUMENTS = 6, TREE_ABOVE = 32 };

static char *next(char **rest) {
  char *word = strsep(rest, " ");
  if (word == NULL || *word == 0) {
    fputs("libseccomp: a word is missing in a request\n", stderr);
    exit(2);
  }
  return word;
}

static void answer(const char *format, ...) {
  va_list list;
  va_start(list, format);
  vprintf(format, list);
  va_end(list);
  putchar('\n');
  fflush(stdout);
}

/* The end of a profile that does not load; only in the process that loads it. */
static void refuse(int error, const char *step, const char *detail) {
  answer("error %d %s %s", error, step, detail);
  _exit(0);
}

static uint32_t action_of(const char *name, const char *number) {
  uint32_t code = strcmp(number, "-") == 0 ? EPERM : (uint32_t)strtoul(number, NULL, 10);
  if (strcmp(name, "SCMP_ACT_KILL") == 0 || strcmp(name, "SCMP_ACT_KILL_THREAD") == 0) return SCMP_ACT_KILL_THREAD;
  if (strcmp(name, "SCMP_ACT_KILL_PROCESS") == 0) return SCMP_ACT_KILL_PROCESS;
  if (strcmp(name, "SCMP_ACT_TRAP") == 0) return SCMP_ACT_TRAP;
  if (strcmp(name, "SCMP_ACT_NOTIFY") == 0) return SCMP_ACT_NOTIFY;
  if (strcmp(name, "SCMP_ACT_ERRNO") == 0) return SCMP_ACT_ERRNO(code);
  if (strcmp(name, "SCMP_ACT_TRACE") == 0) return SCMP_ACT_TRACE(code);
  if (strcmp(name, "SCMP_ACT_LOG") == 0) return SCMP_ACT_LOG;
  if (strcmp(name, "SCMP_ACT_ALLOW") == 0) return SCMP_ACT_ALLOW;
  refuse(0, "action", name);
  return 0;
}

static enum scmp_compare operator_of(const char *name) {
  if (strcmp(name, "SCMP_CMP_NE") == 0) return SCMP_CMP_NE;
  if (strcmp(name, "SCMP_CMP_LT") == 0) return SCMP_CMP_LT;
  if (strcmp(name, "SCMP_CMP_LE") == 0) return SCMP_CMP_LE;
  if (strcmp(name, "SCMP_CMP_EQ") == 0) return SCMP_CMP_EQ;
  if (strcmp(name, "SCMP_CMP_GE") == 0) return SCMP_CMP_GE;
  if (strcmp(name, "SCMP_CMP_GT") == 0) return SCMP_CMP_GT;
  if (strcmp(name, "SCMP_CMP_MASKED_EQ") == 0) return SCMP_CMP_MASKED_EQ;
  refuse(0, "operator", name);
  return SCMP_CMP_NE;
}

/* libseccomp spells SCMP_ARCH_X86_64 as x86_64; 0 where this version does not know it. */
static uint32_t architecture_of(const char *name) {
  char lower[32] = {0};
  const char *prefix = "SCMP_ARCH_";
  if (strncmp(name, prefix, strlen(prefix)) != 0) return 0;
  name += strlen(prefix);
  for (size_t at = 0; name[at] && at < sizeof(lower) - 1; at++) lower[at] = (char)tolower((unsigned char)name[at]);
  return seccomp_arch_resolve_name(lower);
}

/* Makes a filter as it would be on a machine of another architecture, of which the library adds this one by itself. */
static void replace_native(scmp_filter_ctx filter, const char *name) {
  uint32_t token = architecture_of(name);
  uint32_t own = seccomp_arch_native();
  if (token == 0) refuse(0, "architecture", name);
  if (token == own) return;
  /* Without any architecture left, one of the other byte order may follow. */
  int result = seccomp_arch_remove(filter, own);
  if (result == 0) result = seccomp_arch_add(filter, token);
  if (result < 0) refuse(-result, "architecture", name);
}

static void add(scmp_filter_ctx filter, uint32_t action, int number, unsigned count, const struct scmp_arg_cmp *args,
                const char *name) {
  int result = seccomp_rule_add_array(filter, action, number, count, args);
  if (result < 0) refuse(-result, "rule", name);
}

struct mode {
  /* crun refuses an errno for an action that has none; runc does not look at it. */
  int strict_errno;
  /* runc refuses to hand `write` to a listener. */
  int listener_needs_write;
  /* crun reads no more conditions than that of a rule. */
  int conditions;
  /* runc asks for a binary tree where the profile has many rules. */
  int tree;
};

static const struct mode runc = {0, 1, 64, 1};
static const struct mode crun = {1, 0, ARGUMENTS, 0};

static void check_errno(const struct mode *mode, const char *action, const char *number) {
  int has_errno = strcmp(action, "SCMP_ACT_ERRNO") == 0 || strcmp(action, "SCMP_ACT_TRACE") == 0;
  if (mode->strict_errno && !has_errno && strcmp(number, "-") != 0) refuse(0, "errno", action);
}

static void add_rule(scmp_filter_ctx filter, const struct mode *mode, uint32_t by_default, char *rest) {
  struct scmp_arg_cmp args[64];
  int used[ARGUMENTS] = {0};
  int is_repeated = 0;
  const char *name = next(&rest);
  const char *action_name = next(&rest);
  const char *number = next(&rest);
  int count = atoi(next(&rest));
  check_errno(mode, action_name, number);
  uint32_t action = action_of(action_name, number);
  if (mode->listener_needs_write && action == SCMP_ACT_NOTIFY && strcmp(name, "write") == 0)
    refuse(0, "listener", name);
  /* Both leave out what the default says already, and what this version of libseccomp does not know. */
  if (action == by_default) return;
  int syscall = seccomp_syscall_resolve_name(name);
  if (syscall == __NR_SCMP_ERROR) return;
  if (count > mode->conditions) count = mode->conditions;
  for (int at = 0; at < count; at++) {
    unsigned index = (unsigned)atoi(next(&rest));
    if (index >= ARGUMENTS) refuse(0, "index", name);
    if (used[index]++) is_repeated = 1;
    args[at].arg = index;
    args[at].op = operator_of(next(&rest));
    args[at].datum_a = strtoull(next(&rest), NULL, 10);
    args[at].datum_b = strtoull(next(&rest), NULL, 10);
  }
  if (!is_repeated) add(filter, action, syscall, (unsigned)count, args, name);
  else
    for (int at = 0; at < count; at++) add(filter, action, syscall, 1, &args[at], name);
}

static void write_filter(scmp_filter_ctx filter) {
  int file = memfd_create("filter", 0);
  if (file < 0) refuse(errno, "memfd", "-");
  int result = seccomp_export_bpf(filter, file);
  if (result < 0) refuse(-result, "export", "-");
  off_t size = lseek(file, 0, SEEK_END);
  unsigned char *bytes = malloc((size_t)size + 1);
  if (bytes == NULL || pread(file, bytes, (size_t)size, 0) != size) refuse(errno, "read", "-");
  fputs("bpf ", stdout);
  for (off_t at = 0; at < size; at++) printf("%02x", bytes[at]);
  answer("");
}

/* Never returns: it ends the process. */
static void load(char **lines, size_t count) {
  char *first = lines[0];
  next(&first);
  const char *runtime = next(&first);
  const struct mode *mode = strcmp(runtime, "crun") == 0 ? &crun : &runc;
  const char *action_name = next(&first);
  const char *number = next(&first);
  check_errno(mode, action_name, number);
  uint32_t by_default = action_of(action_name, number);
  if (mode->listener_needs_write && by_default == SCMP_ACT_NOTIFY) refuse(0, "listener", "default");
  scmp_filter_ctx filter = seccomp_init(by_default);
  if (filter == NULL) refuse(0, "init", action_name);
  for (size_t at = 1; at < count; at++) {
    if (strncmp(lines[at], "native ", 7) == 0) replace_native(filter, lines[at] + 7);
  }
  size_t rules = 0;
  for (size_t at = 1; at < count; at++) rules += strncmp(lines[at], "rule ", 5) == 0;
  for (size_t at = 1; at < count; at++) {
    if (strncmp(lines[at], "arch ", 5) != 0) continue;
    const char *name = lines[at] + 5;
    uint32_t token = architecture_of(name);
    if (token == 0) refuse(0, "architecture", name);
    int result = seccomp_arch_add(filter, token);
    if (result < 0 && result != -EEXIST) refuse(-result, "architecture", name);
  }
  if (mode->tree && rules > TREE_ABOVE) seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  for (size_t at = 1; at < count; at++) {
    if (strncmp(lines[at], "rule ", 5) == 0) add_rule(filter, mode, by_default, lines[at] + 5);
  }
  write_filter(filter);
  _exit(0);
}

static void limit(void) {
  struct itimerval time = {.it_value = {.tv_sec = CPU_SECONDS}};
  struct rlimit memory = {MEMORY, MEMORY};
  struct rlimit no_core = {0, 0};
  setitimer(ITIMER_PROF, &time, NULL);
  setrlimit(RLIMIT_AS, &memory);
  setrlimit(RLIMIT_CORE, &no_core);
}

static void load_apart(char **lines, size_t count) {
  int ends[2];
  int status;
  char buffer[65536];
  ssize_t got;
  size_t total = 0;
  if (pipe(ends) < 0) exit(3);
  pid_t child = fork();
  if (child < 0) exit(3);
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    limit();
    load(lines, count);
  }
  close(ends[1]);
  while ((got = read(ends[0], buffer, sizeof(buffer))) > 0) {
    fwrite(buffer, 1, (size_t)got, stdout);
    total += (size_t)got;
  }
  close(ends[0]);
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status) && total > 0) answer("");
  else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF) answer("timeout");
  else if (WIFSIGNALED(status)) answer("crash %d", WTERMSIG(status));
  else if (WEXITSTATUS(status) != 0) exit(WEXITSTATUS(status));
  fflush(stdout);
}

/* Numbers of architectures lie below 8192, those of x32 above this bit. */
static void table(const char *architecture) {
  uint32_t token = architecture_of(architecture);
  int base = token == SCMP_ARCH_X32 ? 0x40000000 : 0;
  const char *space = "";
  for (int number = base; token != 0 && number < base + 8192; number++) {
    char *name = seccomp_syscall_resolve_num_arch(token, number);
    if (name != NULL) printf("%s%s=%d", space, name, number);
    if (name != NULL) space = " ";
    free(name);
  }
  answer("");
}

/* Without its line end; NULL at the end of the input. */
static char *read_line(void) {
  char *line = NULL;
  size_t size = 0;
  ssize_t length = getline(&line, &size, stdin);
  if (length > 0 && line[length - 1] == '\n') line[length - 1] = 0;
  if (length > 0) return line;
  free(line);
  return NULL;
}

int main(void) {
  char *line;
  /* All that this version can do, whatever the kernel of the test machine can. */
  if (seccomp_api_set(6) < 0) return 4;
  while ((line = read_line()) != NULL) {
    if (strcmp(line, "version") == 0) {
      const struct scmp_version *version = seccomp_version();
      answer("%u.%u.%u", version->major, version->minor, version->micro);
    } else if (strncmp(line, "table ", 6) == 0) {
      table(line + 6);
    } else if (strncmp(line, "load ", 5) == 0) {
      size_t count = 1;
      char **lines = malloc(sizeof(*lines));
      lines[0] = line;
      for (char *more; (more = read_line()) != NULL && strcmp(more, "end") != 0; count++) {
        lines = realloc(lines, (count + 1) * sizeof(*lines));
        lines[count] = more;
      }
      load_apart(lines, count);
      for (size_t at = 1; at < count; at++) free(lines[at]);
      free(lines);
    } else {
      fprintf(stderr, "libseccomp: unknown request %s\n", line);
      return 2;
    }
    free(line);
  }
  return 0;
}
