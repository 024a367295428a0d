/*
 * Makes system calls and tells what the kernel did with each.
 *
 * Reads records of 64 bytes from standard input: architecture (0: x86_64, 1: x86), number, six arguments, all 64-bit
 * little endian. Writes one line for each: `value N` (what the call returned), `trapped` (SIGSYS was delivered to a
 * handler) or `killed`. Every call is made in a process of its own. Static, for x86_64, without a C library, so that
 * it needs few system calls itself.
 */
typedef unsigned long u64;

enum { READ = 0, WRITE = 1, MMAP = 9, RT_SIGACTION = 13, FORK = 57, EXIT_GROUP = 231, WAIT4 = 61 };

static long call(long number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f) {
  long result;
  register u64 r10 __asm__("r10") = d;
  register u64 r8 __asm__("r8") = e;
  register u64 r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

/* int 0x80 enters the kernel as an x86 program would; the sixth argument goes in ebp. */
static long call32(long number, u64 *args) {
  long result;
  __asm__ volatile("push %%rbp\n\tmov %[six], %%rbp\n\tint $0x80\n\tpop %%rbp"
                   : "=a"(result)
                   : "a"(number), "b"(args[0]), "c"(args[1]), "d"(args[2]), "S"(args[3]), "D"(args[4]), [six] "r"(args[5])
                   : "r8", "r9", "r10", "r11", "memory");
  return (long)(int)result;
}

struct shared { volatile long state; volatile long value; };
static struct shared *shared;

/* The handler does not return: where the call would go on does not matter. */
static void on_trap(int signal) {
  (void)signal;
  shared->state = 2;
  call(EXIT_GROUP, 0, 0, 0, 0, 0, 0);
}

struct action { void (*handler)(int); u64 flags; void (*restorer)(void); u64 mask; };

static void child(u64 *record) {
  struct action action = {on_trap, 0x04000000 /* SA_RESTORER */, (void (*)(void))on_trap, 0};
  call(RT_SIGACTION, 31 /* SIGSYS */, (u64)&action, 0, 8, 0, 0);
  u64 *a = record + 2;
  long value = record[0] == 0 ? call((long)record[1], a[0], a[1], a[2], a[3], a[4], a[5]) : call32((long)record[1], a);
  shared->value = value;
  shared->state = 1;
  call(EXIT_GROUP, 0, 0, 0, 0, 0, 0);
}

static void print(const char *text) {
  u64 length = 0;
  while (text[length]) length++;
  call(WRITE, 1, (u64)text, length, 0, 0, 0);
}

static void print_value(long value) {
  char buffer[32];
  int at = 31;
  u64 rest = value < 0 ? -(u64)value : (u64)value;
  buffer[at--] = 0;
  buffer[at--] = '\n';
  do buffer[at--] = (char)('0' + rest % 10); while (rest /= 10);
  if (value < 0) buffer[at--] = '-';
  print("value ");
  print(buffer + at + 1);
}

static long read_record(char *record) {
  long got = 0;
  while (got < 64) {
    long more = call(READ, 0, (u64)(record + got), (u64)(64 - got), 0, 0, 0);
    if (more <= 0) return 0;
    got += more;
  }
  return 1;
}

void start(void) {
  u64 record[8];
  shared = (struct shared *)call(MMAP, 0, 4096, 3, 0x21 /* MAP_SHARED | MAP_ANONYMOUS */, (u64)-1, 0);
  while (read_record((char *)record)) {
    shared->state = 0;
    long pid = call(FORK, 0, 0, 0, 0, 0, 0);
    if (pid < 0) print("no process\n");
    if (pid < 0) break;
    if (pid == 0) child(record);
    call(WAIT4, (u64)pid, 0, 0, 0, 0, 0);
    if (shared->state == 1) print_value(shared->value);
    else print(shared->state == 2 ? "trapped\n" : "killed\n");
  }
  call(EXIT_GROUP, 0, 0, 0, 0, 0, 0);
}

/* The stack is aligned as functions expect it. */
__asm__(".globl _start\n_start:\n\txor %rbp, %rbp\n\tand $-16, %rsp\n\tcall start\n\thlt\n");
