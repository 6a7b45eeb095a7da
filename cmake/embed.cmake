# embed_lua(TARGET DIR FOLDER): compiles every .lua file under DIR/FOLDER into
# TARGET as bytes, with a table FOLDER_files of module names (matrix/room.lua
# under lua is "matrix.room"). The struct is declared in src/base/embedded.h.
function(embed_lua target dir folder)
    set(root ${CMAKE_CURRENT_SOURCE_DIR}/${dir})
    file(GLOB_RECURSE files CONFIGURE_DEPENDS ${root}/${folder}/*.lua)
    set(out ${CMAKE_CURRENT_BINARY_DIR}/generated/${folder}_files.c)
    add_custom_command(OUTPUT ${out}
        COMMAND ${CMAKE_COMMAND} -DROOT=${root} -DFOLDER=${folder} -DOUT=${out}
                -P ${CMAKE_CURRENT_SOURCE_DIR}/cmake/embed_files.cmake
        DEPENDS ${files} ${CMAKE_CURRENT_SOURCE_DIR}/cmake/embed_files.cmake
        COMMENT "Embedding ${dir}/${folder}/" VERBATIM)
    target_sources(${target} PRIVATE ${out})
endfunction()
