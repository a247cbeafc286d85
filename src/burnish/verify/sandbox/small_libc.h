/* The few functions of libc that the programs here call, for Linux on x86-64.

   glibc asks the processor for its caches before main, some thirty times, and on a virtual machine each time costs a trip
   to the host: a third of a CPU millisecond for every start. Included with -DSMALL_LIBC -nostdlib; nothing else may be
   linked. Types and numbers are those of the system's own headers. */

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

char **environ;
static int last_error;

int *__errno_location(void) { return &last_error; }

static long kernel(long number, long a, long b, long c, long d, long e, long f) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    if (result >= -4095 && result < 0) {
        last_error = -result;
        return -1;
    }
    return result;
}

#define CALL(number, a, b, c, d, e, f) kernel(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

long syscall(long number, ...) {
    va_list given;
    long a[6];
    va_start(given, number);
    for (int i = 0; i < 6; i++) a[i] = va_arg(given, long);
    va_end(given);
    return kernel(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* A function with one further argument, an integer or a pointer. */
#define WITH_ONE_MORE(result, head, number, a, b, last) \
    result head {                                       \
        va_list given;                                  \
        va_start(given, last);                          \
        long more = va_arg(given, long);                \
        va_end(given);                                  \
        return CALL(number, a, b, more, 0, 0, 0);       \
    }

WITH_ONE_MORE(int, open(const char *name, int flags, ...), SYS_open, name, flags, flags)
WITH_ONE_MORE(int, fcntl(int descriptor, int command, ...), SYS_fcntl, descriptor, command, command)
WITH_ONE_MORE(int, ioctl(int descriptor, unsigned long command, ...), SYS_ioctl, descriptor, command, command)

int prctl(int option, ...) {
    va_list given;
    long a[4];
    va_start(given, option);
    for (int i = 0; i < 4; i++) a[i] = va_arg(given, long);
    va_end(given);
    return kernel(SYS_prctl, option, a[0], a[1], a[2], a[3], 0);
}

void _exit(int code) {
    for (;;) CALL(SYS_exit_group, code, 0, 0, 0, 0, 0);
}

ssize_t read(int from, void *to, size_t size) { return CALL(SYS_read, from, to, size, 0, 0, 0); }
ssize_t write(int to, const void *from, size_t size) { return CALL(SYS_write, to, from, size, 0, 0, 0); }
int close(int descriptor) { return CALL(SYS_close, descriptor, 0, 0, 0, 0, 0); }
int setpgid(pid_t process, pid_t group) { return CALL(SYS_setpgid, process, group, 0, 0, 0, 0); }
int execv(const char *name, char *const *words) { return CALL(SYS_execve, name, words, environ, 0, 0, 0); }
pid_t fork(void) { return CALL(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0); }
pid_t waitpid(pid_t process, int *status, int options) { return CALL(SYS_wait4, process, status, options, 0, 0, 0); }

int setresgid(gid_t real, gid_t effective, gid_t saved) { return CALL(SYS_setresgid, real, effective, saved, 0, 0, 0); }
int setresuid(uid_t real, uid_t effective, uid_t saved) { return CALL(SYS_setresuid, real, effective, saved, 0, 0, 0); }

int sigemptyset(sigset_t *set) {
    *(unsigned long *)set = 0;
    return 0;
}
int sigaddset(sigset_t *set, int number) {
    *(unsigned long *)set |= 1ul << (number - 1);
    return 0;
}
int sigprocmask(int how, const sigset_t *set, sigset_t *old) { return CALL(SYS_rt_sigprocmask, how, set, old, 8, 0, 0); }
__sighandler_t signal(int number, __sighandler_t handler) {
    struct {
        __sighandler_t handler;
        unsigned long flags;
        void (*restorer)(void);
        unsigned long mask;
    } action = {handler, 0, 0, 0};
    return CALL(SYS_rt_sigaction, number, &action, 0, 8, 0, 0) == 0 ? SIG_DFL : SIG_ERR;
}
int __libc_current_sigrtmax(void) { return 64; }

void *memset(void *to, int byte, size_t size) {
    for (volatile unsigned char *at = to; size--; at++) *at = byte;
    return to;
}
void *memcpy(void *to, const void *from, size_t size) {
    const unsigned char *read = from;
    for (volatile unsigned char *at = to; size--; at++) *at = *read++;
    return to;
}
int strcmp(const char *a, const char *b) {
    while (*a && *a == *b) a++, b++;
    return (unsigned char)*a - (unsigned char)*b;
}
unsigned long long strtoull(const char *digits, char **end, int base) {
    unsigned long long value = 0;
    (void)end;
    while (*digits >= '0' && *digits <= '9') value = value * base + (*digits++ - '0');
    return value;
}
unsigned long strtoul(const char *digits, char **end, int base) { return strtoull(digits, end, base); }
int atoi(const char *digits) { return *digits == '-' ? -(int)strtoull(digits + 1, 0, 10) : (int)strtoull(digits, 0, 10); }

int main(int, char **);

__attribute__((used)) static void begin(long *stack) {
    char **words = (char **)(stack + 1);
    environ = words + *stack + 1;
    _exit(main(*stack, words));
}

__asm__(".globl _start\n_start:\nxor %ebp, %ebp\nmov %rsp, %rdi\nand $-16, %rsp\ncall begin\n");
