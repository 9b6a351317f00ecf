"""Runs a program alone and tells what it took: python measure.py MEMORY_MIB SECONDS PROGRAM [ARGUMENT...]

Prints one line of JSON: wall and CPU seconds (user and system), the peak of resident memory, the processors that other
programs used meanwhile, the exit code, and the ends of what it printed. A program that holds more anonymous memory than
MEMORY_MIB, or runs longer than SECONDS, is killed, which `killed` tells. Nothing heavy is imported: a program's peak
begins with what its parent held.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

MEMORY, LIMIT, PROGRAM = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]


def busy():
    """The seconds that all processors have worked since the machine began."""
    with open("/proc/stat") as stat:
        fields = stat.readline().split()[1:]
    return sum(int(fields[at]) for at in (0, 1, 2, 5, 6, 7)) / os.sysconf("SC_CLK_TCK")


def anonymous(process):
    """MiB of memory that is no file's."""
    try:
        with open(f"/proc/{process}/status") as status:
            return next((int(line.split()[1]) // 1024 for line in status if line.startswith("RssAnon")), 0)
    except (FileNotFoundError, ProcessLookupError):
        return 0


def main():
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        busy_0, begin = busy(), time.perf_counter()
        child = subprocess.Popen(PROGRAM, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True)
        ended = {}

        def wait():
            _, status, usage = os.wait4(child.pid, 0)
            ended.update(wall=time.perf_counter() - begin, status=status, usage=usage)

        waiting = threading.Thread(target=wait)
        waiting.start()
        killed = None
        while waiting.is_alive():
            if anonymous(child.pid) > MEMORY:
                killed = "memory"
            elif time.perf_counter() - begin > LIMIT:
                killed = "time"
            if killed is not None:
                try:
                    os.killpg(child.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            waiting.join(0.05)
        wall, usage = ended["wall"], ended["usage"]
        cpu = usage.ru_utime + usage.ru_stime
        out.seek(0)
        err.seek(0)
        result = {
            "wall": wall,
            "cpu": cpu,
            "peak_mib": usage.ru_maxrss / 1024,
            "others": max(0.0, busy() - busy_0 - cpu) / wall,
            "code": os.waitstatus_to_exitcode(ended["status"]),
            "killed": killed,
            "stdout": out.read()[-100_000:],
            "stderr": err.read()[-2_000:],
        }
    json.dump(result, sys.stdout)
    print()


main()
