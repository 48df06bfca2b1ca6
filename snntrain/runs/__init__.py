"""Run folders: their layout, writing, locking, finding and reading. Nothing here imports torch.

layout.py          the table of all files
writable.py        the check before anything is written
run_folder.py      writes a run's files
lock.py            one process at a time, and its heartbeat
environment.py     environment.json; git.py finds the commit in it
summary.py         summary.json
metrics.py         metrics.jsonl
event_files.py     TensorBoard's event files
state.py           the status of a run: completed, failed, running, …
find.py            the runs below a folder
reading.py         a run as reports show it
latest.py          the run that run= or resume= names
own_folder.py      a run that is started again in its own folder
unstarted.py       the clean-up of a run that did not start
resume_command.py  the command that resumes a run
order.py           the order of values
"""
