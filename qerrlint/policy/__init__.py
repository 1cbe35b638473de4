# SPDX-License-Identifier: GPL-2.0-or-later
"""What is reported of what was observed: exemptions, suppressions, baseline and configuration."""
