/* Copies an AoE disk to a file: a C program that uses libaoe.
 *
 *   copy_disk e0.2 eth0 disk.img */
#include <stdio.h>
#include <stdlib.h>

#include <aoe/aoe.h>

int main(int argc, char **argv) {
  enum { part = 1 << 20 };
  struct aoe_options options = {0};
  aoe_disk *disk;
  FILE *file;
  char *room;
  uint64_t size, at;

  if (argc != 4) {
    fprintf(stderr, "usage: copy_disk eSHELF.SLOT INTERFACE FILE\n");
    return 2;
  }
  options.interfaces = argv[2];
  disk = aoe_open(argv[1], &options);
  if (disk == NULL) {
    fprintf(stderr, "copy_disk: %s\n", aoe_error());
    return 1;
  }
  file = fopen(argv[3], "wb");
  room = malloc(part);
  if (file == NULL || room == NULL) {
    perror(argv[3]);
    return 1;
  }
  size = aoe_size(disk);
  for (at = 0; at < size; at += part) {
    const size_t now = size - at < part ? (size_t)(size - at) : part;
    if (aoe_read(disk, at, room, now) != 0) {
      fprintf(stderr, "copy_disk: %s\n", aoe_error());
      return 1;
    }
    if (fwrite(room, 1, now, file) != now) break;
  }
  if (fclose(file) != 0 || at < size) {
    perror(argv[3]);
    return 1;
  }
  free(room);
  aoe_close(disk);
  printf("%s: %llu bytes\n", argv[1], (unsigned long long)size);
  return 0;
}
