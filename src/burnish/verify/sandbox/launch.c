/* Sets limits, drops to an ordinary user and starts a program: one exec where prlimit and setpriv take two.

   launch UID CPU DATA CORE FSIZE NOFILE NPROC PROGRAM ARGUMENTS; "-" leaves a thing as it is. Ends with 125 when
   anything is refused: the program is never started with less than was asked for. It dies with its parent. */

#define _GNU_SOURCE
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#ifdef SMALL_LIBC
#include "small_libc.h"
int setrlimit(__rlimit_resource_t kind, const struct rlimit *limit) { return CALL(SYS_setrlimit, kind, limit, 0, 0, 0, 0); }
int setgroups(size_t many, const gid_t *groups) { return CALL(SYS_setgroups, many, groups, 0, 0, 0, 0); }
#endif

int main(int argc, char **argv) {
    static const int kinds[] = {RLIMIT_CPU, RLIMIT_DATA, RLIMIT_CORE, RLIMIT_FSIZE, RLIMIT_NOFILE, RLIMIT_NPROC};
    if (argc < 9) return 125;
    for (int i = 0; i < 6; i++) {
        if (strcmp(argv[2 + i], "-") == 0) continue;
        rlim_t value = strtoull(argv[2 + i], NULL, 10);
        struct rlimit limit = {value, value};
        if (setrlimit(kinds[i], &limit) != 0) return 125;
    }
    if (strcmp(argv[1], "-") != 0) {
        uid_t uid = strtoul(argv[1], NULL, 10);
        if (uid == 0 || setgroups(0, NULL) != 0) return 125;
        if (setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0) return 125;
    }
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return 125;
    execv(argv[8], argv + 8);
    return 125;
}
