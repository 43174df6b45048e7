"""ironroof_check.py -- a ReFrame test: runs ironroof on a node, and reads its figures into ReFrame's log.

  reframe -c scripts/reframe -r                                  # on this machine
  reframe -C site.py -c scripts/reframe -r -S points='copy gemm' # on a site's partitions

The test passes when the program ends with 0: every output was held against its oracle. Set `reference` in a
subclass, or let ReFrame compare with its own history, to judge the figures.
"""

import reframe as rfm
import reframe.utility.sanity as sn
from reframe.core.builtins import deferrable, run_before, sanity_function, variable


@rfm.simple_test
class ironroof_check(rfm.RunOnlyRegressionTest):
    descr = "Ceilings, verified kernels and what holds them back"
    valid_systems = ["*"]
    valid_prog_environs = ["*"]
    program = variable(str, value="ironroof")
    points = variable(str, value="copy gemm:m=1024,n=1024,k=1024 gemv")
    options = variable(str, value="")
    keep_files = ["record.jsonl", "points.csv"]

    @run_before("run")
    def command(self):
        self.executable = self.program
        self.executable_opts = ["run", self.points, "-o", "record.jsonl", "--force", self.options]
        self.postrun_cmds = [f"{self.program} export record.jsonl --format tidy -o points.csv"]

    @deferrable
    def rows(self):
        import csv
        import os

        with open(os.path.join(self.stagedir, "points.csv"), newline="") as f:
            return list(csv.DictReader(f))

    @sanity_function
    def right(self):
        """Every point was measured or says why not; at least one was measured."""
        state = sn.map(lambda row: row["status"], self.rows())
        return sn.all(
            [
                sn.assert_eq(self.job.exitcode, 0),
                sn.assert_in("ok", state),
                sn.all(sn.map(lambda s: sn.assert_in(s, ("ok", "skip")), state)),
            ]
        )

    @run_before("performance")
    def figures(self):
        """The fastest kernel of each workload and type: a variable each, in what its user counts."""
        best = {}
        for row in sn.evaluate(self.rows()):
            if row["status"] != "ok":
                continue
            if row["items_per_s"]:
                rate, unit = float(row["items_per_s"]), row["item_unit"] + "/s"
            elif float(row["flops"] or 0) > 0:
                rate, unit = float(row["flops_per_s"]) / 1e9, "GFLOP/s"
            else:
                rate, unit = float(row["bytes_per_s"] or 0) / 1e9, "GB/s"
            name = "%s_%s" % (row["workload"], row["dtype"])
            if rate > best.get(name, (0, ""))[0]:
                best[name] = rate, unit
        self.perf_variables = {
            name: sn.make_performance_function(sn.defer(rate), unit) for name, (rate, unit) in best.items()
        }
