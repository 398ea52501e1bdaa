# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The list prices of a region from AWS's price list (the service `pricing`). Its calls are free."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..._errors import AwsError, ReflectorError
from ..._session import Target
from ..once import once

_HOME = "us-east-1"
"""A region with the endpoint of the price list (AWS General Reference, "AWS Price List endpoints")."""


@dataclass(frozen=True, slots=True)
class Product:
    """The place of a price in AWS's price list, and the unit that it is for.

    usage_type  without the prefix of the region, such as EUC1-
                "" for a price whose place in the list we do not know: it is never read
    also        the usage type in regions that have another one
    family      the product family, for a service with too many products
    """

    unit: str
    service: str
    usage_type: str
    family: str = ""
    also: str = ""


PRODUCTS: Mapping[str, Product] = {
    "lambda_request": Product("request", "AWSLambda", "Request"),
    "lambda_gb_second_arm64": Product("GB-second", "AWSLambda", "Lambda-GB-Second-ARM"),
    "lambda_gb_second_x86_64": Product("GB-second", "AWSLambda", "Lambda-GB-Second"),
    "log_ingestion": Product("GB", "AmazonCloudWatch", "DataProcessing-Bytes"),
    "log_storage": Product("GB-month", "AmazonCloudWatch", "TimedStorage-ByteHrs"),
    "alarm_metric": Product("metric-month", "AmazonCloudWatch", "CW:AlarmMonitorUsage"),
    "metric": Product("metric-month", "AmazonCloudWatch", "CW:MetricMonitorUsage"),
    "metric_data": Product("metric", "AmazonCloudWatch", "CW:GMD-Metrics"),
    "metric_request": Product("request", "AmazonCloudWatch", "CW:Requests"),
    "log_query": Product("GB", "AmazonCloudWatch", "DataScanned-Bytes"),
    "sqs_fifo_request": Product("request", "AWSQueueService", "Requests-FIFO-Tier1", also="Requests-FIFO-RBP"),
    "secret": Product("secret-month", "AWSSecretsManager", "AWSSecretsManager-Secrets"),
    "secret_request": Product("request", "AWSSecretsManager", "AWSSecretsManagerAPIRequest"),
    "transfer_out": Product("GB", "AWSDataTransfer", "DataTransfer-Out-Bytes"),
    "nat_gb": Product("GB", "AmazonEC2", "NatGateway-Bytes", "NAT Gateway"),
    "nat_hour": Product("hour", "AmazonEC2", "NatGateway-Hours", "NAT Gateway"),
    "trail_event": Product("event", "AWSCloudTrail", "PaidEventsRecorded"),
    "central_copy": Product("GB", "AmazonCloudWatch", ""),
    "firehose_gb": Product("GB", "AmazonKinesisFirehose", "BilledBytes"),
    "s3_storage": Product("GB-month", "AmazonS3", "TimedStorage-ByteHrs", "Storage"),
    "s3_request": Product("request", "AmazonS3", "Requests-Tier1", "API Request"),
}
"""The prices that a deployment, or what could replace it, depends on, in dollars for one unit."""

_SERVICES = tuple(dict.fromkeys((each.service, each.family) for each in PRODUCTS.values()))


def read_prices(target: Target) -> dict[str, Any]:
    """Return the prices by name, their date, and notes. One worker reads for all targets of the region.

    A price that AWS's list does not have is left out, and so are all if the list cannot be read.
    """
    return once(["prices", target.region], lambda: _read(target))


def _read(target: Target) -> dict[str, Any]:
    found: dict[str, float] = {}
    dates: list[str] = []
    try:
        for service, family in _SERVICES:
            products = list(_products(target, service, family))
            dates += [str(each.get("publicationDate", "")) for each in products]
            found.update(prices_of(products, service))
    except ReflectorError as error:
        return {"prices": {}, "date": "", "notes": [f"the prices that the collection ships were used: {error}"]}
    missing = sorted({name for name, each in PRODUCTS.items() if each.usage_type}.difference(found))
    notes = [f"AWS's price list has no price for {', '.join(missing)} in {target.region}"] if missing else []
    return {"prices": found, "date": max(dates, default="")[:10], "notes": notes}


def _products(target: Target, service: str, family: str) -> Iterator[dict[str, Any]]:
    """Yield the products of a service in the target's region, as GetProducts returns them."""
    # What leaves a region has no region of its own.
    name = "fromRegionCode" if service == "AWSDataTransfer" else "regionCode"
    wanted = {name: target.region, **({"productFamily": family} if family else {})}
    filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()]
    request: dict[str, Any] = {"ServiceCode": service, "Filters": filters}
    operation = f"read the prices of {service}"
    while True:
        with target.describe_operation(operation):
            answer = target.client("pricing", region=_HOME).get_products(**request)
        for text in answer["PriceList"]:
            try:
                yield json.loads(text)
            except ValueError as error:
                raise AwsError(operation, f"AWS's answer is no JSON: {error}", where=target.where) from error
        if not (token := answer.get("NextToken")):
            return
        request["NextToken"] = token


def prices_of(products: Iterable[Mapping[str, Any]], service: str) -> dict[str, float]:
    """Return the prices of our names in a service's products."""
    patterns = {
        name: re.compile(
            rf"(?:[A-Z]{{2,4}}\d?-)?(?:{'|'.join(map(re.escape, filter(None, (each.usage_type, each.also))))})"
        )
        for name, each in PRODUCTS.items()
        if each.service == service and each.usage_type
    }
    found: dict[str, float] = {}
    for product in products:
        usage_type = str((product.get("product") or {}).get("attributes", {}).get("usagetype", ""))
        for name, pattern in patterns.items():
            if pattern.fullmatch(usage_type) and (price := _first_price(product)) is not None:
                found.setdefault(name, price)
    return found


def _first_price(product: Mapping[str, Any]) -> float | None:
    """Return the price of the first tier that is not free."""
    terms = (product.get("terms") or {}).get("OnDemand") or {}
    tiers = [
        (float(each.get("beginRange") or 0), float(each["pricePerUnit"]["USD"]))
        for term in terms.values()
        for each in term["priceDimensions"].values()
        if "USD" in each.get("pricePerUnit", {})
    ]
    return next((price for _begin, price in sorted(tiers) if price), None)
