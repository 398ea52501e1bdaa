"""What the reflector Lambda is made of. A payload's way: decode, rules, flow, a sink, delivery, dead letters, accounting.

The zip's root is the folder above: `handler.py` and this package. Standard library only, but for orjson and isal where the
package carries them; boto3 (which the Lambda runtime has) is imported when AWS has to be asked, and never before.
"""

__version__ = "0.1.0"
