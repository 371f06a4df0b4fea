from fastembed.dropin.hook import install as install
from fastembed.dropin.hook import load_ipython_extension as load_ipython_extension
from fastembed.dropin.hook import uninstall as uninstall
from fastembed.dropin.hook import unload_ipython_extension as unload_ipython_extension
from fastembed.dropin.reporting import report as report
