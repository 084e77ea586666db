/* version: of the whole program; the build may set another one. */
#ifndef VERSION_H
#define VERSION_H

#ifndef VERSION
#define VERSION "0.1.0"
#endif

#endif
