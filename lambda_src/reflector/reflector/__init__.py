"""What the reflector Lambda is made of: decode, rules, records, batches, a sink, delivery, accounting.

The zip's root is the folder above: `handler.py` and this package. Standard library only; boto3 (which the Lambda runtime
has) is imported when a setting refers to a secret, and never before.
"""

__version__ = "0.1.0"
