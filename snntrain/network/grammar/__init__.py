"""Networks written as text, such as `32C3-BN-N-P2-10K-N-V10`: tokens, parse, plan, build; docs/layers.md is the table.

`tokens` splits the text, `words` reads one layer, `parse` reads the brackets, `shapes` and `plan` compute the size and
the name of each layer, and `build` makes the modules. All errors come before the first module is made.
"""

from snntrain.network.grammar.network import WrittenNetwork

__all__ = ["WrittenNetwork"]
