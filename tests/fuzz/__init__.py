"""Requests that nobody should send, and those that anybody may, made from botocore's models and held against a real daemon."""
