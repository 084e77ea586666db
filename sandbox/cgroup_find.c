/* cgroup_find: reads mountinfo and /proc/self/cgroup; pure but for the two streams. */
#include "cgroup_find.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* Is word one of the comma-separated words of list? */
static bool has_word(const char *list, const char *word) {
    size_t length = strlen(word);
    for (; *list; list += strcspn(list, ",") + (list[strcspn(list, ",")] == ','))
        if (strcspn(list, ",") == length && strncmp(list, word, length) == 0)
            return true;
    return false;
}

/* Lines are "ID:controllers:path"; version 2 has ID 0 and no controllers. */
static int own_path(FILE *own, const char *controller, char *ret_path, size_t size) {
    char line[4096];
    rewind(own);
    while (fgets(line, sizeof(line), own)) {
        line[strcspn(line, "\n")] = 0;
        char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;
        if (!path)
            continue;
        *path++ = 0;
        if (controller ? !has_word(list + 1, controller) : strncmp(line, "0:", 2) != 0 || list[1])
            continue;
        if (strlen(path) >= size)
            return -ENAMETOOLONG;
        memcpy(ret_path, path, strlen(path) + 1);
        return 0;
    }
    return -ENOENT;
}

/* One line of mountinfo; true when it is the hierarchy that is wanted. root: the cgroup that the
 * mount shows. */
static bool parse_mount(char *line, const char *controller, char **ret_root, char **ret_point) {
    char *fields = strstr(line, " - "), *save, *type, *options;
    if (!fields)
        return false;
    *fields = 0;
    type = strtok_r(fields + 3, " \n", &save);
    strtok_r(NULL, " \n", &save); /* the source, which says nothing */
    options = strtok_r(NULL, " \n", &save);
    if (!type || !options || strcmp(type, controller ? "cgroup" : "cgroup2") != 0 ||
        (controller && !has_word(options, controller)))
        return false;
    strtok_r(line, " ", &save);
    strtok_r(NULL, " ", &save);
    strtok_r(NULL, " ", &save);
    *ret_root = strtok_r(NULL, " ", &save);
    *ret_point = strtok_r(NULL, " ", &save);
    return *ret_root && *ret_point;
}

int cgroup_find(FILE *mountinfo, FILE *own, const char *controller, char *ret_path, size_t size) {
    char line[4096], group[2048], *root, *point;
    int r = own_path(own, controller, group, sizeof(group));
    if (r < 0)
        return r;
    rewind(mountinfo);
    while (fgets(line, sizeof(line), mountinfo)) {
        if (!parse_mount(line, controller, &root, &point))
            continue;
        /* A bind mount of a part of the tree: only what lies below it can be reached. */
        const char *below = group;
        size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);
        if (strncmp(group, root, length) == 0 && (group[length] == '/' || !group[length]))
            below = group + length;
        if (strcmp(below, "/") == 0)
            below = "";
        if ((size_t)snprintf(ret_path, size, "%s%s", point, below) >= size)
            return -ENAMETOOLONG;
        return 0;
    }
    return -ENOENT;
}
