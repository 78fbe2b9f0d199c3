/*
 * The first program of every boot: refuses a CPU below the level that the system's packages are built for.
 *
 * The kernel starts it as /init. On a lesser CPU the real init, and everything else that is linked to the
 * system's C library, would die of it with words that help nobody; so this one uses no library and no
 * instruction beyond x86-64-v1. Levels: x86-64 psABI, table 3.1. See README.md beside this file.
 *
 * Called as a program, it prints the level of this machine's CPU.
 */

#include <cpuid.h>

#define LEVEL_FILE "/etc/edgelinux-cpu-level"
#define NEXT_INIT "/init.system"

/* asm/unistd_64.h */
enum { SYS_read, SYS_write, SYS_open, SYS_close, SYS_pause = 34, SYS_getpid = 39, SYS_execve = 59, SYS_exit = 60,
       SYS_mount = 165 };
enum { O_RDONLY, O_WRONLY };

static long call(long number, long a, long b, long c, long d, long e)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    long result;

    __asm__ volatile("syscall" : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
}

static unsigned long length(const char *text)
{
    unsigned long n = 0;

    while (text[n])
        n++;
    return n;
}

static char *append(char *end, const char *text)
{
    while (*text)
        *end++ = *text++;
    *end = '\0';
    return end;
}

static int all(unsigned int flags, unsigned int needed)
{
    return (flags & needed) == needed;
}

/* Whether the kernel keeps these registers (XCR0) for programs: without that, the CPU's having them is no use. */
static int saved(unsigned int state)
{
    unsigned int low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return all(low, state);
}

/* 1 to 4. */
static int cpu_level(void)
{
    unsigned int a, b, basic, c, d, more = 0, extended = 0;

    if (!__get_cpuid(1, &a, &b, &basic, &d))
        return 1;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d))
        more = b;
    if (__get_cpuid(0x80000001, &a, &b, &c, &d))
        extended = c;
    if (!all(basic, bit_SSE3 | bit_SSSE3 | bit_CMPXCHG16B | bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT)
        || !all(extended, bit_LAHF_LM))
        return 1;
    if (!all(basic, bit_FMA | bit_MOVBE | bit_OSXSAVE | bit_AVX | bit_F16C)
        || !all(more, bit_BMI | bit_AVX2 | bit_BMI2) || !all(extended, bit_LZCNT) || !saved(0x6))
        return 2;
    if (!all(more, bit_AVX512F | bit_AVX512DQ | bit_AVX512CD | bit_AVX512BW | bit_AVX512VL) || !saved(0xe6))
        return 3;
    return 4;
}

static void say(const char *file, const char *text)
{
    long fd = call(SYS_open, (long)file, O_WRONLY, 0, 0, 0);

    if (fd >= 0) {
        call(SYS_write, fd, (long)text, (long)length(text), 0, 0);
        call(SYS_close, fd, 0, 0, 0, 0);
    }
}

/* The number at the end of "x86-64-vN"; 0 when there is no such file. */
static int wanted_level(void)
{
    char text[32];
    long fd = call(SYS_open, (long)LEVEL_FILE, O_RDONLY, 0, 0, 0), n = 0;

    if (fd >= 0) {
        n = call(SYS_read, fd, (long)text, sizeof text, 0, 0);
        call(SYS_close, fd, 0, 0, 0, 0);
    }
    while (n > 0 && (text[n - 1] < '1' || text[n - 1] > '9'))
        n--;
    return n > 0 ? text[n - 1] - '0' : 0;
}

static void refuse(int level, int wanted)
{
    char line[200], found[] = "0", needed[] = "0", *end;

    found[0] += level;
    needed[0] += wanted;
    /* 0 is the priority of an emergency: every console shows it, however quiet the kernel was told to be. */
    end = append(line, "<0>edgeLinux: this CPU is x86-64-v");
    end = append(end, found);
    end = append(end, ", this system needs x86-64-v");
    end = append(end, needed);
    end = append(end, ": nothing was started; use an image that is made for older CPUs\n");
    call(SYS_mount, (long)"dev", (long)"/dev", (long)"devtmpfs", 0, 0);
    say("/dev/kmsg", line);
    /* Neither a panic nor a restart, which would come back here: a person has to read it. Ctrl-Alt-Del restarts. */
    for (;;)
        call(SYS_pause, 0, 0, 0, 0, 0);
}

__attribute__((used)) static void begin(long *stack)
{
    char **argv = (char **)(stack + 1), **envp = argv + stack[0] + 1;
    int level = cpu_level(), wanted;

    if (call(SYS_getpid, 0, 0, 0, 0, 0) != 1) {
        char name[] = "x86-64-v0\n";

        name[8] += level;
        call(SYS_write, 1, (long)name, sizeof name - 1, 0, 0);
        call(SYS_exit, 0, 0, 0, 0, 0);
    }
    wanted = wanted_level();
    if (level < wanted)
        refuse(level, wanted);
    call(SYS_execve, (long)NEXT_INIT, (long)argv, (long)envp, 0, 0);
    /* The kernel says that init ended, and panics. */
    call(SYS_exit, 1, 0, 0, 0, 0);
}

__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin\n");
