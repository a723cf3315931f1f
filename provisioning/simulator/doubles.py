"""Where an emulated machine has no hardware its answers are test doubles, and each of these begins with this mark.

By it the portal refuses them for servers that are not emulated.
"""

MARK = "TEST-DOUBLE: an emulated machine has no such hardware\n"
