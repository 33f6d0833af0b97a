"""Databases, migrations, and one repository per thing stored."""
