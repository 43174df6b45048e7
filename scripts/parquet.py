#!/usr/bin/env python3
"""parquet.py POINTS.csv [POINTS.parquet] -- the table of `ironroof export --format tidy` as Parquet.

Columns keep their types (integers, floats, text; `started` is a time in UTC); the unit of a quantity is the
end of its name (_s, _B, _J). Needs pyarrow; without it says so and exits with 2.
"""

import sys

if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or sys.argv[1] in ("-h", "--help"):
        print(__doc__.strip())
        sys.exit(0 if sys.argv[1:] in (["-h"], ["--help"]) else 2)
    try:
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.csv
        import pyarrow.parquet
    except ImportError as e:
        sys.exit("parquet.py: %s is not installed (pip install pyarrow); the CSV holds the same" % e.name)
    source = sys.argv[1]
    target = sys.argv[2] if len(sys.argv) == 3 else source.rsplit(".csv", 1)[0] + ".parquet"
    try:
        table = pyarrow.csv.read_csv(source)
    except (OSError, pa.ArrowInvalid) as e:
        sys.exit("parquet.py: %s: %s" % (source, e))
    if table.column_names[:3] != ["started", "file", "machine"]:
        sys.exit("parquet.py: %s is no table of 'ironroof export --format tidy'" % source)
    again = pyarrow.csv.ConvertOptions(
        column_types={"machine": pa.string()}, null_values=[""], strings_can_be_null=True
    )
    table = pyarrow.csv.read_csv(source, convert_options=again)
    # A column without any value has no type of its own: it is a quantity.
    for i, name in enumerate(table.column_names):
        if pa.types.is_null(table.schema.field(name).type):
            table = table.set_column(i, name, pc.cast(table[name], pa.float64()))
    pyarrow.parquet.write_table(table, target)
    print("%s: %d rows, %d columns" % (target, table.num_rows, table.num_columns))
