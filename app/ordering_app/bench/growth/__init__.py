"""Growth: the same paths with more and more stored orders, and with longer and longer ones.

What is measured is not compared with a ceiling but with itself: time and memory must not grow.
"""
