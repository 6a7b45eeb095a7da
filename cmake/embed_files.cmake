# Run by embed_lua at build time: writes OUT from the .lua files under
# ROOT/FOLDER.
file(GLOB_RECURSE files RELATIVE ${ROOT} ${ROOT}/${FOLDER}/*.lua)
list(SORT files)
set(bodies "")
set(rows "")
set(n 0)
foreach(file ${files})
    file(READ ${ROOT}/${file} hex HEX)
    string(LENGTH "${hex}" length)
    math(EXPR size "${length} / 2")
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
    string(REGEX REPLACE "(/init)?\\.lua$" "" module "${file}")
    string(REPLACE "/" "." module "${module}")
    string(APPEND bodies
        "static const unsigned char body_${n}[] = {${bytes}0};\n")
    string(APPEND rows
        "    {\"${module}\", \"${file}\", (const char *)body_${n}, ${size}},\n")
    math(EXPR n "${n} + 1")
endforeach()
file(WRITE ${OUT}
    "#include \"embedded.h\"\n\n${bodies}\n"
    "const struct embedded_file ${FOLDER}_files[] = {\n${rows}"
    "    {NULL, NULL, NULL, 0}};\n")
