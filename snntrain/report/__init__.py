"""Reports: runs side by side, with settings, endings and the best run. Nothing here imports torch.

report.py       runs found and compared
comparison.py   runs in the order of a metric
statistics.py   means over seeds; effects.py: marginal effects; curves.py: learning curves
table.py        the tables as columns; numbers.py: numbers as text; sentences.py: the sentences around them
terminal.py, markdown.py, spreadsheet.py, page.py
                the four outputs; files.py writes the last three
glance.py, sections.py, plot_data.py, markup.py
                the parts of the page
"""
