/* replay.c -- main() for a fuzz target without libFuzzer: every file given, or in a directory given, is
 * fed to LLVMFuzzerTestOneInput() once, and so is the empty input. Found crashes stay tested by every
 * build. Refuses paths it cannot read: a corpus that went missing must not pass. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    int      rc = 1;
    uint8_t *data = NULL;
    long     size = -1;
    FILE    *f = fopen(path, "rb");
    if (!f) goto out;
    if (fseek(f, 0, SEEK_END) == 0) size = ftell(f);
    if (size < 0 || fseek(f, 0, SEEK_SET) != 0) goto out;
    data = malloc(size > 0 ? (size_t)size : 1); /* exactly its size, so that ASan sees one byte too far */
    if (!data || fread(data, 1, (size_t)size, f) != (size_t)size) goto out;
    LLVMFuzzerTestOneInput(data, (size_t)size);
    rc = 0;
out:
    if (rc) fprintf(stderr, "%s: %s\n", path, strerror(errno));
    if (f) fclose(f);
    free(data);
    return rc;
}

static int replay(const char *path, int *count)
{
    DIR *dir = opendir(path);
    if (!dir) {
        if (errno == ENOTDIR) return ++*count, replay_file(path);
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 1;
    }
    int rc = 0;
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        char file[4096];
        if (e->d_name[0] == '.') continue;
        snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        rc |= replay(file, count);
    }
    closedir(dir);
    return rc;
}

int main(int argc, char **argv)
{
    int rc = 0, count = 0;
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) rc |= replay(argv[i], &count);
    printf("%d inputs replayed\n", count);
    return rc;
}
