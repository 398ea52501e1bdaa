# Copyright (c) 2026 Log Reflector contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The prices in answers of AWS's price list."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.logreflector.aws.plugins.module_utils._errors import describe_operation
from ansible_collections.logreflector.aws.plugins.module_utils._parts.volume.prices import (
    PRODUCTS,
    prices_of,
    read_prices,
)
from botocore.exceptions import ClientError


def product(usage_type: str, *tiers: tuple[str, str], **more: Any) -> dict[str, Any]:
    """Return a product as GetProducts returns it, with the begin and the price of each tier."""
    dimensions = {
        f"d{number}": {"unit": "x", "beginRange": begin, "pricePerUnit": {"USD": price}}
        for number, (begin, price) in enumerate(tiers)
    }
    return {
        "product": {"attributes": {"usagetype": usage_type}},
        "terms": {"OnDemand": {"t": {"priceDimensions": dimensions}}},
        "publicationDate": "2026-11-01T12:00:00Z",
        **more,
    }


class PriceList:
    """A target whose price list has these products, a page each."""

    region = "eu-central-1"
    where = "111111111111/eu-central-1"

    def __init__(self, *products: dict[str, Any], denied: bool = False) -> None:
        self._products, self._denied = products, denied
        self.requests: list[dict[str, Any]] = []

    def client(self, service: str, region: str) -> PriceList:
        assert (service, region) == ("pricing", "us-east-1"), "the price list has no endpoint in most regions"
        return self

    def describe_operation(self, operation: str) -> Any:
        return describe_operation(operation, self.where)

    def get_products(self, **request: Any) -> dict[str, Any]:
        self.requests.append(dict(request))
        if self._denied:
            error = {"Error": {"Code": "AccessDeniedException", "Message": "not authorized: pricing:GetProducts"}}
            raise ClientError(error, "GetProducts")
        page = int(request.get("NextToken", 0))
        more = {"NextToken": str(page + 1)} if page + 1 < len(self._products) else {}
        return {"PriceList": [json.dumps(each) for each in self._products[page : page + 1]], **more}


def test_price_is_that_of_the_first_tier_that_is_not_free() -> None:
    tiers = (("20000000", "0.0000004"), ("0", "0.0000000000"), ("1000000", "0.0000005"))
    # us-east-1 has another name for it.
    for usage_type in ("EUC1-Requests-FIFO-Tier1", "Requests-FIFO-RBP"):
        assert prices_of([product(usage_type, *tiers)], "AWSQueueService") == {"sqs_fifo_request": 0.0000005}


def test_usage_types_are_compared_whole_with_and_without_the_prefix_of_the_region() -> None:
    products = [
        product("Lambda-GB-Second", ("0", "1")),
        product("EUC1-Lambda-GB-Second-ARM", ("0", "2")),
        product("EUC1-Lambda-Edge-Request", ("0", "3")),
        product("EUC1-Request-ARM", ("0", "4")),
        product("EU-Request", ("0", "5")),
    ]
    assert prices_of(products, "AWSLambda") == {
        "lambda_gb_second_x86_64": 1.0,
        "lambda_gb_second_arm64": 2.0,
        "lambda_request": 5.0,
    }


def test_product_without_a_price_in_dollars_has_none() -> None:
    odd = product("EU-Request", ("0", "1"))
    odd["terms"]["OnDemand"]["t"]["priceDimensions"]["d0"]["pricePerUnit"] = {"CNY": "7"}
    assert prices_of([odd, {}, {"product": {}, "terms": {}}], "AWSLambda") == {}


def test_price_list_is_read_page_by_page_for_every_service() -> None:
    target = PriceList(product("EUC1-Request", ("0", "0.0000002")), product("EUC1-DataProcessing-Bytes", ("0", "0.63")))
    found = read_prices(target)  # type: ignore[arg-type]
    assert found["prices"] == {"lambda_request": 0.0000002, "log_ingestion": 0.63}
    assert found["date"] == "2026-11-01"
    assert "no price for alarm_metric" in found["notes"][0]
    assert {each["ServiceCode"] for each in target.requests} == {each.service for each in PRODUCTS.values()}
    fields = {request["ServiceCode"]: request["Filters"] for request in target.requests}
    assert fields["AWSLambda"] == [{"Type": "TERM_MATCH", "Field": "regionCode", "Value": "eu-central-1"}]
    assert [each["Field"] for each in fields["AWSDataTransfer"]] == ["fromRegionCode"]
    assert [each["Field"] for each in fields["AmazonEC2"]] == ["regionCode", "productFamily"]


def test_price_list_that_is_denied_is_a_note_that_names_the_permission() -> None:
    found = read_prices(PriceList(denied=True))  # type: ignore[arg-type]
    assert found["prices"] == {}
    assert "pricing:GetProducts" in found["notes"][0]
