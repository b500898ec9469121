"""`python -m qjax.apps` lists the applications."""

from qjax.apps._command import listing

if __name__ == "__main__":
    print(listing())
