"""``passback setup``: makes what ``chalice deploy`` does not, and tells Chalice of it.

The stack of ``infra/template.json`` is CloudFormation's: its change set is the plan, its state says where to go on.
What is written below ``.chalice`` follows from the stack's outputs.
"""
