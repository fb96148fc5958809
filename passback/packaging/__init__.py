"""Packs Passback for AWS: one CloudFormation template that makes everything, and the zip with the functions' code."""
