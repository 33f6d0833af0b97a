"""The sentences of a demonstration: what happened, and how to go on."""

from __future__ import annotations

from tollhouse.control.auditing import Verdict
from tollhouse.control.budgets import left
from tollhouse.demo.books import Receipt
from tollhouse.domain.budget import dollars


def paid(receipt: Receipt) -> str:
    call, account = receipt.call, receipt.account
    return (
        f"held {dollars(call.held)}, owed {dollars(call.owed or 0)} for {call.input} tokens in and "
        f"{call.output} out; {dollars(left(account) or 0)} left of {dollars(account.limit or 0)}"
    )


def verified(verdict: Verdict) -> str:
    summary = verdict.summary
    return (
        f"{summary.records} records chained, {summary.checkpoints} signatures good, "
        f"head anchored in the store: the log is whole"
    )


def curl(origin: str, key: str, model: str) -> str:
    return (
        f"curl -s {origin}/v1/chat/completions -H 'Authorization: Bearer {key}' "
        f"-H 'Content-Type: application/json' "
        f'-d \'{{"model": "{model}", "messages": [{{"role": "user", "content": "Say hello."}}]}}\''
    )


def openai_sdk(origin: str, key: str, model: str) -> str:
    return f"""\
from openai import OpenAI

client = OpenAI(base_url="{origin}/v1", api_key="{key}")
reply = client.chat.completions.create(
    model="{model}", messages=[{{"role": "user", "content": "Say hello."}}]
)
print(reply.choices[0].message.content)"""
