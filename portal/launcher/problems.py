"""What can keep the portal from starting."""


class LaunchProblem(Exception):
    """Something the person at the keyboard can put right. The message is one line: what is wrong and what helps."""
