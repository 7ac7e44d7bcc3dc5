/* AoE disks for programs in C, and in every language that can call C: libaoe, -laoe.
 *
 *   aoe_disk *disk = aoe_open("e0.2", NULL);
 *   char sector[512];
 *   if (disk == NULL || aoe_read(disk, 0, sector, sizeof sector) != 0)
 *     return fprintf(stderr, "%s\n", aoe_error()), 1;
 *   aoe_close(disk);
 *
 * Each call returns when it is done. Threads: every function may be called from any thread, and many at
 * the same time with one disk, except aoe_close(), which is called once and alone: no other call with the
 * disk is under way then, or begins later. A disk belongs to the process that opened it, not to one that
 * is forked later.
 *
 * A call that fails returns -1 or NULL, sets errno, and has a line for people in aoe_error(): "e0.2: no
 * answer on eth0". Opening packet sockets takes CAP_NET_RAW. */
#ifndef AOE_H
#define AOE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct aoe_disk aoe_disk;

/* All zeros are the defaults. */
struct aoe_options {
  const char*
      interfaces;    /* names or globs, separated by commas; NULL, "": as without --interface */
  unsigned wait;     /* seconds to wait for an answer; 0: 3 */
  unsigned deadsecs; /* seconds until a silent disk is down; 0: 180 */
  void* reserved[4]; /* NULL */
};

/* A disk that answers. The texts are valid until the function returns that gets it. */
struct aoe_found {
  const char* device; /* "e0.2" */
  uint64_t size;      /* bytes */
  const char* model;
  const char* serial;
};

/* Opens a disk by name. `options` may be NULL. Any thread. Errors: EINVAL for what is no name or option,
 * ENODEV where no target answers, ENXIO where an interface that is named is not there, EPERM without
 * CAP_NET_RAW, ENETDOWN where no interface is up or can be used, ENOMEM. */
aoe_disk* aoe_open(const char* device, const struct aoe_options* options);
/* Closes a disk, which nobody uses any more. NULL is no disk. One thread. */
void aoe_close(aoe_disk* disk);

/* Returns the size in bytes, a multiple of 512. Any thread. */
uint64_t aoe_size(aoe_disk* disk);

/* Offsets and sizes are bytes, multiples of 512; a size of 0 succeeds. Any thread. 0 is success; a call that
 * fails may have taken effect in part. Errors: EINVAL beyond the end, EIO, EOPNOTSUPP for a trim of a disk without TRIM. */

int aoe_read(aoe_disk* disk, uint64_t offset, void* into, size_t size);
int aoe_write(aoe_disk* disk, uint64_t offset, const void* from, size_t size);
/* Makes stable what was written. */
int aoe_flush(aoe_disk* disk);
/* Tells the disk that a range is unused. */
int aoe_trim(aoe_disk* disk, uint64_t offset, uint64_t length);

/* Asks all targets, waits `wait` seconds, and calls `found` for each disk, in the thread that called.
 * Returns their number. Any thread. Errors: those of aoe_open() for interfaces. */
int aoe_discover(const struct aoe_options* options,
                 void (*found)(void* user, const struct aoe_found* disk), void* user);

/* Returns what is wrong after a call of this thread that failed. Valid until its next call. */
const char* aoe_error(void);
/* Returns "0.1.0". Any thread. */
const char* aoe_version(void);

#ifdef __cplusplus
}
#endif
#endif
