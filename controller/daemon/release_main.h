/* basculed --release: find the runtime folder, and release. */
#ifndef BASCULE_DAEMON_RELEASE_MAIN_H
#define BASCULE_DAEMON_RELEASE_MAIN_H

/* @file is asked for the control socket's folder only, and need not be right:
 * the folder that systemd names ($RUNTIME_DIRECTORY) and the usual one are
 * looked into as well.  Returns an exit status: 0 also when there was nothing
 * to release, and then nothing is said. */
int release_main(const char *file);

#endif
