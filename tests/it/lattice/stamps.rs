//! Stamps that say less than the truth, or lie: every event in one second, and each some seconds off.
